SELECT CASE WHEN way.came = 1 THEN m.pipeline ELSE m.source_pipeline END AS pipeline,
  CASE WHEN way.came = 1 THEN m.target ELSE m.source END AS a, '' AS b, '' AS c, '' AS d,
  m.currency AS currency, m.owner AS owner, m.lead_source AS source, 0 AS at_us,
  way.came AS records, way.came * m.amount AS total
FROM plain AS m
CROSS JOIN (SELECT 1 AS came UNION ALL SELECT -1) AS way
WHERE (way.came = 1 AND m.direction <> 'close') OR (way.came = -1 AND m.direction <> 'create')
