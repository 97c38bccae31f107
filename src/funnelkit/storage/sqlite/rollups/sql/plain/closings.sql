SELECT m.pipeline AS pipeline, m.target AS a, '' AS b, '' AS c, '' AS d, m.currency AS currency,
  m.owner AS owner, m.lead_source AS source, m.moved_us AS at_us, 1 AS records, m.amount AS total
FROM plain AS m
WHERE m.direction = 'close' AND m.target <> 'void'
