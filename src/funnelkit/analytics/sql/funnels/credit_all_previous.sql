-- The row that completes the set of the first n stages, in whatever order, is the credit for stage n.
WITH {customs} {ladder}, {standing}, {known},
ranked AS (
  SELECT k.record_id AS record_id, k.unit AS unit, k.seq AS seq, COALESCE(l.ord, 0) AS ord
  FROM known AS k
  LEFT JOIN ladder AS l ON l.place = k.target
  WHERE (k.first_visit = 1 OR k.target = 'won') AND COALESCE(l.ord, 0) > 0
),
gathered AS (
  SELECT record_id, unit, ord,
    COUNT(*) OVER (PARTITION BY record_id ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS seen,
    MAX(seq) OVER (PARTITION BY record_id ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS seq_done
  FROM ranked
),
credit AS (
  SELECT g.record_id AS record_id, g.unit AS unit, g.ord - 1 AS low, g.ord AS high, k.seq AS seq,
    k.moved_us AS moved_us,
    k.grp AS grp, k.kept AS kept, k.currency AS currency, k.amount AS amount, 0 AS mask
  FROM gathered AS g
  JOIN known AS k ON k.record_id = g.record_id AND k.seq = g.seq_done
  WHERE g.seen = g.ord
),
{chained}
{tail}
