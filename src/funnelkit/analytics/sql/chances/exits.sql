-- How stays on the stages ended: where to, after how long, and what was before. A closing that was taken
-- back ended nothing; a record that came back to life on another stage went there.
WITH {customs} {standing}, {state},
left_for AS (
  SELECT m.record_id AS record_id, m.seq AS seq, m.source AS stage, m.moved_us - COALESCE(m.since_us, m.moved_us) AS lasted_us,
    CASE WHEN m.pipeline = :pipeline THEN m.target ELSE 'moved_away' END AS target,
    {group} AS grp, {kept} AS kept
  FROM move AS m
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  {joins}
  WHERE m.source_pipeline = :pipeline AND m.moved_us <= :as_of
    AND m.direction <> 'create' AND m.direction <> 'reopen'
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(v.void_id, '') = '' AND COALESCE(r.seq, 0) = 0 {tests}
  UNION ALL
  SELECT m.record_id AS record_id, m.seq AS seq, c.source AS stage, c.moved_us - COALESCE(c.since_us, c.moved_us) AS lasted_us,
    m.target AS target, {group} AS grp, {kept} AS kept
  FROM move AS m
  JOIN move AS c ON c.record_id = m.record_id AND c.seq = m.seq - 1
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  {joins}
  WHERE m.pipeline = :pipeline AND m.moved_us <= :as_of AND m.direction = 'reopen' AND m.target <> c.source
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(v.void_id, '') = '' {tests}
),
leaving AS (
  SELECT record_id, stage, target, lasted_us, grp, kept,
    LAG(stage, 1, '') OVER (PARTITION BY record_id ORDER BY seq) AS previous
  FROM left_for
)
{tail}
