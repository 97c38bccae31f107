-- How each stay on a stage, and each whole life in the pipeline (the place ''), went on: which of the
-- ages of the place it lasted to, how its record ended, and how long after the stay began. Times are rounded up
-- to whole units; those that are further than the horizon from every age are one.
WITH {customs} {standing}, {state}, {arrived}, {marks},
stayed AS (
  SELECT record_id, source AS place, COALESCE(since_us, moved_us) AS began_us, moved_us AS left_us
  FROM move
  WHERE source_pipeline = :pipeline AND moved_us <= :as_of AND direction <> 'create' AND direction <> 'reopen'
  UNION ALL
  SELECT record_id, stage AS place, moved_us AS began_us, :as_of AS left_us
  FROM state
  WHERE status = 'open'
  UNION ALL
  SELECT record_id, '' AS place, arrived_us AS began_us, -1 AS left_us
  FROM arrived
),
gone_on AS (
  SELECT y.place AS place, s.status AS status,
    CASE WHEN s.status = 'open' THEN :as_of ELSE s.moved_us END - y.began_us AS whole_us,
    CASE WHEN y.left_us >= 0 THEN y.left_us WHEN s.status = 'open' THEN :as_of ELSE s.moved_us END
      - y.began_us AS lasted_us
  FROM stayed AS y
  JOIN state AS s ON s.record_id = y.record_id
  WHERE s.status <> 'void'
),
marked AS (
  SELECT g.place AS place, g.status AS status, g.whole_us AS whole_us, {passed} AS passed, {nearest} AS nearest_us
  FROM gone_on AS g
  JOIN mark AS k ON k.place = g.place
)
SELECT place, passed, status, whole, COUNT(*) AS stays
FROM (
  SELECT place, passed, status,
    CASE WHEN whole_us - nearest_us > :horizon THEN nearest_us + :horizon + 1
      ELSE whole_us + :unit - 1 - (whole_us + :unit - 1) % :unit END AS whole
  FROM marked
) AS rounded
GROUP BY place, passed, status, whole
