-- Open records. A plain row brings its record onto a stage and off another one, for the same value, which no
-- edit has changed; a touched record is where its last row put it, with the owner and the value of its last
-- edit since: now, less then.
SELECT m.pipeline AS pipeline, m.target AS a, '' AS b, '' AS c, '' AS d,
  COALESCE({edit_of_currency}, m.currency) AS currency, COALESCE({edit_of_owner}, m.owner) AS owner,
  m.lead_source AS source, 0 AS at_us, side.sign AS records,
  side.sign * COALESCE({edit_of_amount}, m.amount) AS total
FROM touched AS t
CROSS JOIN (
  SELECT 1 AS sign, :moves_to AS moves, :fields_to AS fields
  UNION ALL
  SELECT -1, moves, fields FROM funnelkit_rollup
) AS side
CROSS JOIN move AS m ON m.record_id = t.record_id AND m.seq = (
  SELECT MAX(b.seq) FROM move AS b WHERE b.record_id = t.record_id AND b.position <= side.moves
)
WHERE m.direction <> 'close'
