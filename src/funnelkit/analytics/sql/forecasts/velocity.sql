-- A cohort in 37 parts that are as good as drawn by lot: how many, how many won and lost, for how much, how quickly.
WITH {customs} {standing}, {placed},
cohort AS (
  SELECT m.record_id AS record_id, m.created_us % 37 AS part, m.status, m.currency AS currency, m.amount AS amount,
    m.moved_us - m.created_us AS lasted_us, {group} AS grp
  FROM placed AS m
  {joins}
  WHERE {kept} = 1 AND m.status <> 'void' {tests}
)
{tail}
