-- The stages that each record was ever on, one bit a stage.
seen AS (
  SELECT k.record_id AS record_id, SUM(COALESCE(l.bit, 0)) AS mask
  FROM known AS k
  LEFT JOIN ladder AS l ON l.place = k.target
  WHERE k.first_visit = 1 AND k.direction <> 'close' AND COALESCE(l.ord, 0) > 0
  GROUP BY k.record_id
)
