-- Whose records ever were that became void, were reopened or edited: the others are lifted under the one name
-- that they have. Nothing is ever taken back here, for too many do no harm.
SELECT DISTINCT m.pipeline AS pipeline, '' AS a, '' AS b, '' AS c, '' AS d, '' AS currency,
  o.owner AS owner, s.source AS source, m.created_us AS at_us, 1 AS records, 0 AS total
FROM (
  SELECT m.record_id, m.pipeline, m.created_us FROM lived AS m WHERE m.is_held
  UNION
  SELECT m.record_id, m.source_pipeline, m.created_us FROM lived AS m WHERE m.is_held
) AS m
JOIN (
  SELECT m.record_id, m.owner FROM lived AS m WHERE m.sign = 1
  UNION
  SELECT {edits_of_owner}
) AS o ON o.record_id = m.record_id
JOIN (
  SELECT m.record_id, m.lead_source AS source FROM lived AS m WHERE m.sign = 1
  UNION
  SELECT {edits_of_source}
) AS s ON s.record_id = m.record_id
