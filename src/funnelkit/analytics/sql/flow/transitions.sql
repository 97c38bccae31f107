-- Every move that touches the pipeline, one row a record and a pair of places.
WITH {customs} {standing},
moved AS (
  SELECT m.record_id AS record_id, m.source_pipeline, m.source, m.pipeline, m.target, {group} AS grp
  FROM move AS m
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  {joins}
  WHERE (m.pipeline = :pipeline OR m.source_pipeline = :pipeline) AND m.moved_us <= :as_of
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(v.void_id, '') = '' AND {kept} = 1 {tests}
),
pairs AS (
  SELECT grp, source_pipeline, source, pipeline, target, record_id, COUNT(*) AS times
  FROM moved
  GROUP BY grp, source_pipeline, source, pipeline, target, record_id
)
{tail}
