-- The first row that puts a record on a stage is its credit for that stage alone.
WITH {customs} {ladder}, {standing}, {known}, {seen},
credit AS (
  SELECT k.record_id, l.ord - 1 AS low, l.ord AS high, k.grp, k.kept, k.currency, k.amount, s.mask
  FROM known AS k
  JOIN ladder AS l ON l.place = k.target
  JOIN seen AS s ON s.record_id = k.record_id
  WHERE k.first_visit = 1 OR k.target = 'won'
),
{chained}
{tail}
