-- A row that lifts a record from one furthest place to a further one is its credit for all between.
WITH {customs} {ladder}, {standing}, {known}, {seen},
credit AS (
  SELECT k.record_id, COALESCE(f.ord, 0) AS low, t.ord AS high, k.grp, k.kept, k.currency, k.amount, {mask} AS mask
  FROM known AS k
  LEFT JOIN ladder AS t ON t.place = k.furthest_after
  LEFT JOIN ladder AS f ON f.place = k.furthest_before
  {masked}
  WHERE k.furthest_before <> k.furthest_after AND COALESCE(t.ord, 0) > 0
),
{chained}
{tail}
