-- The same for the records that were asked for.
{placed},
state AS (
  SELECT m.record_id AS record_id, m.moved_us, m.status, m.stage, m.currency AS currency, m.amount AS amount, {group} AS grp
  FROM placed AS m
  {joins}
  WHERE {kept} = 1 {closing} {tests}
)
