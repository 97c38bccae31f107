-- Records won and lost, by the day of the closing, unless it was taken back; void is no ending.
SELECT m.pipeline AS pipeline, m.target AS a, '' AS b, '' AS c, '' AS d, m.currency AS currency,
  m.owner AS owner, m.lead_source AS source, m.moved_us AS at_us, m.sign AS records,
  m.sign * m.amount AS total
FROM lived AS m
WHERE m.is_told AND m.direction = 'close' AND m.target <> 'void' AND m.next_direction <> 'reopen'
