SELECT '' AS pipeline, '' AS a, '' AS b, '' AS c, '' AS d, '' AS currency, '' AS owner, '' AS source,
  0 AS at_us, 0 AS records, 0 AS total
WHERE 0
