SELECT m.pipeline AS pipeline, m.furthest_before AS a, m.furthest_after AS b, 'all' AS c, '' AS d,
  m.currency AS currency, m.owner AS owner, m.lead_source AS source, m.created_us AS at_us,
  1 AS records, m.amount AS total
FROM plain AS m
WHERE m.furthest_before <> m.furthest_after
