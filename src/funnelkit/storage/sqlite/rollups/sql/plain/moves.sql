SELECT :pipeline AS pipeline, m.source_pipeline AS a, m.source AS b, m.pipeline AS c, m.target AS d,
  '' AS currency, m.owner AS owner, m.lead_source AS source, m.created_us AS at_us, 1 AS records, 0 AS total
FROM plain AS m
WHERE m.pipeline = :pipeline OR m.source_pipeline = :pipeline
