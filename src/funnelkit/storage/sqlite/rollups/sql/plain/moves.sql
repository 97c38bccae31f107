SELECT CASE WHEN seen.elsewhere = 1 THEN m.source_pipeline ELSE m.pipeline END AS pipeline,
  m.source_pipeline AS a, m.source AS b, m.pipeline AS c, m.target AS d, '' AS currency,
  m.owner AS owner, m.lead_source AS source, m.created_us AS at_us, 1 AS records, 0 AS total
FROM plain AS m
CROSS JOIN (SELECT 0 AS elsewhere UNION ALL SELECT 1) AS seen
WHERE seen.elsewhere = 0 OR m.source_pipeline <> m.pipeline
