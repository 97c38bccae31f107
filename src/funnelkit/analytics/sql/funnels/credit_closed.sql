-- A closing is the credit for the population (place 0) and for every stage that the record left alive: none
-- that is known, where it was lost on a stage that the pipeline does not have any more.
WITH {customs} {ladder}, {standing}, {known}, {seen}, {ended},
credit AS (
  SELECT k.record_id AS record_id, -1 AS low, CASE WHEN k.target = 'won' THEN w.ord ELSE COALESCE(l.ord, 1) - 1 END AS high,
    k.grp, k.kept, k.currency AS currency, k.amount AS amount, {mask} AS mask
  FROM ended AS k
  LEFT JOIN ladder AS l ON l.place = k.source
  JOIN ladder AS w ON w.place = 'won'
  {masked}
),
{chained}
{tail}
