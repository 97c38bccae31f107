-- How far each record had come before a row and after it, worked out in the order of today; the facts that rows
-- carry are right for their own time.
climb AS (
  SELECT k.record_id AS record_id, k.unit AS unit, k.seq AS seq, k.moved_us AS moved_us, k.grp AS grp,
    k.kept AS kept, k.currency AS currency, k.amount AS amount, COALESCE(l.ord, 0) AS high,
    COALESCE(MAX(COALESCE(l.ord, 0)) OVER (PARTITION BY k.record_id ORDER BY k.seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS low
  FROM known AS k
  LEFT JOIN ladder AS l ON l.place = k.target
  WHERE (k.first_visit = 1 OR k.target = 'won') AND COALESCE(l.ord, 0) > 0
)
