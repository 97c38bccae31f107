-- Open records. A plain row brings its record onto a stage and off another one, for the same value, which no
-- edit has changed; a touched record is where its last row put it, with the owner and the value of its last
-- edit since.
SELECT m.pipeline AS pipeline, m.target AS a, '' AS b, '' AS c, '' AS d,
  COALESCE({edit_of_currency}, m.currency) AS currency, COALESCE({edit_of_owner}, m.owner) AS owner,
  m.lead_source AS source, 0 AS at_us, m.sign AS records,
  m.sign * COALESCE({edit_of_amount}, m.amount) AS total
FROM lived AS m
WHERE m.is_void = 0 AND m.direction <> 'close' AND m.next_direction = ''
