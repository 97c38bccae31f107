-- How often each pair of places was moved between: one scan of an index, which takes moves from pipeline
-- to pipeline for moves inside; they are put right, and those of void records taken away. (COALESCE for
-- the reason told in `lifts`.)
WITH {standing}
SELECT grp, source_pipeline, source, pipeline, target, SUM(times) AS moves
FROM (
  SELECT {group} AS grp, :pipeline AS source_pipeline, m.source, :pipeline AS pipeline, m.target,
    COUNT(*) AS times
  FROM move AS m
  WHERE m.pipeline = :pipeline AND m.target <> '' AND m.moved_us <= :as_of {born}
  GROUP BY m.source, m.target {cells}
  UNION ALL
  SELECT {group} AS grp, :pipeline AS source_pipeline, m.source, :pipeline AS pipeline, m.target,
    0 - COUNT(*) AS times
  FROM move AS m
  WHERE m.direction = 'transfer' AND m.moved_us <= :as_of {born} AND COALESCE(m.pipeline, '') = :pipeline
  GROUP BY m.source, m.target {cells}
  UNION ALL
  SELECT {group} AS grp, m.source_pipeline, m.source, m.pipeline, m.target, COUNT(*) AS times
  FROM move AS m
  WHERE m.direction = 'transfer' AND m.moved_us <= :as_of {born}
    AND (COALESCE(m.pipeline, '') = :pipeline OR COALESCE(m.source_pipeline, '') = :pipeline)
  GROUP BY m.source_pipeline, m.source, m.pipeline, m.target {cells}
  UNION ALL
  SELECT {group} AS grp, m.source_pipeline, m.source, m.pipeline, m.target, 0 - COUNT(*) AS times
  FROM {void_move} AS m
  JOIN voided AS v ON v.void_id = m.record_id
  WHERE m.moved_us <= :as_of {born}
    AND (COALESCE(m.pipeline, '') = :pipeline OR COALESCE(m.source_pipeline, '') = :pipeline)
  GROUP BY m.source_pipeline, m.source, m.pipeline, m.target {cells}
) AS moved
GROUP BY grp, source_pipeline, source, pipeline, target
