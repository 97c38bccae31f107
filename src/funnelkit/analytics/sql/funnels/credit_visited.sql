-- The first row that puts a record on a stage is its credit for that stage alone.
WITH {customs} {ladder}, {standing}, {known},
credit AS (
  SELECT k.record_id AS record_id, k.unit AS unit, COALESCE(l.ord, 0) - 1 AS low, COALESCE(l.ord,
    0) AS high, k.seq AS seq, k.moved_us AS moved_us,
    k.grp AS grp, k.kept AS kept, k.currency AS currency, k.amount AS amount, 0 AS mask
  FROM known AS k
  LEFT JOIN ladder AS l ON l.place = k.target
  WHERE (k.first_visit = 1 OR k.target = 'won') AND COALESCE(l.ord, 0) > 0
),
{chained}
{tail}
