-- Of those who had been on a stage for so long: how they ended, and how much later.
WITH {customs} {standing}, {state}, {landmarks},
stayed AS (
  SELECT record_id, source AS stage, COALESCE(since_us, moved_us) AS began_us, moved_us AS ended_us
  FROM move
  WHERE source_pipeline = :pipeline AND moved_us <= :as_of AND direction <> 'create' AND direction <> 'reopen'
  UNION ALL
  SELECT record_id, stage, moved_us AS began_us, :as_of AS ended_us
  FROM state
  WHERE status = 'open'
),
watched AS (
  SELECT s.record_id AS record_id, s.grp AS grp, s.status AS status, y.stage AS stage, l.nth AS nth,
    CASE WHEN s.status = 'open' THEN :as_of ELSE s.moved_us END - y.began_us - l.age_us AS rest_us
  FROM stayed AS y
  JOIN state AS s ON s.record_id = y.record_id
  JOIN landmark AS l ON l.place = y.stage
  WHERE s.status <> 'void' AND y.ended_us - y.began_us >= l.age_us
)
{tail}
