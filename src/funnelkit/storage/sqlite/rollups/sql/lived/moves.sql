-- Every move of a record that is not void, in each of the pipelines that it touches.
SELECT CASE WHEN seen.elsewhere = 1 THEN m.source_pipeline ELSE m.pipeline END AS pipeline,
  m.source_pipeline AS a, m.source AS b, m.pipeline AS c, m.target AS d, '' AS currency,
  m.owner AS owner, m.lead_source AS source, m.created_us AS at_us, m.sign AS records, 0 AS total
FROM lived AS m
CROSS JOIN (SELECT 0 AS elsewhere UNION ALL SELECT 1) AS seen
WHERE m.is_told AND m.is_void = 0 AND (seen.elsewhere = 0 OR m.source_pipeline <> m.pipeline)
