-- Moves of a period into a stage (created 1, reopened 2, from elsewhere 3) and out of one (won 4, lost 5,
-- elsewhere 6).
WITH {customs} {standing},
moved AS (
  SELECT m.record_id AS record_id, m.pipeline, m.source_pipeline, m.source, m.target, m.direction, m.currency AS currency, m.amount AS amount,
    {group} AS grp
  FROM move AS m
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  {joins}
  WHERE (m.pipeline = :pipeline OR m.source_pipeline = :pipeline)
    AND m.moved_us > :since_us AND m.moved_us <= :at_us
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(v.void_id, '') = '' AND {kept} = 1 {tests}
),
turned AS (
  SELECT record_id, grp, target AS stage, currency, amount,
    CASE WHEN direction = 'create' THEN 1 WHEN direction = 'reopen' THEN 2 ELSE 3 END AS kind
  FROM moved
  WHERE pipeline = :pipeline AND direction <> 'close'
  UNION ALL
  SELECT record_id, grp, source AS stage, currency, amount,
    CASE WHEN direction = 'close' AND target = 'won' THEN 4
      WHEN direction = 'close' AND target = 'lost' THEN 5 ELSE 6 END AS kind
  FROM moved
  WHERE source_pipeline = :pipeline AND direction <> 'create' AND direction <> 'reopen'
)
{tail}
