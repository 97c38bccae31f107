-- Whose touched records ever were: the others are lifted under the one name that they have.
SELECT DISTINCT m.pipeline AS pipeline, '' AS a, '' AS b, '' AS c, '' AS d, '' AS currency,
  o.owner AS owner, s.source AS source, m.created_us AS at_us, m.sign AS records, 0 AS total
FROM (
  SELECT m.sign, m.record_id, m.pipeline, m.created_us FROM lived AS m WHERE m.anew
  UNION
  SELECT m.sign, m.record_id, m.source_pipeline, m.created_us FROM lived AS m WHERE m.anew
) AS m
JOIN (
  SELECT m.sign, m.record_id, m.owner FROM lived AS m
  UNION
  SELECT {edits_of_owner}
) AS o ON o.sign = m.sign AND o.record_id = m.record_id
JOIN (
  SELECT m.sign, m.record_id, m.lead_source AS source FROM lived AS m
  UNION
  SELECT {edits_of_source}
) AS s ON s.sign = m.sign AND s.record_id = m.record_id
