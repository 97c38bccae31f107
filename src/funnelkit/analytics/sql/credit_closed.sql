-- A closing is the credit for the population (place 0) and for every stage that the record left alive.
WITH {customs} {ladder}, {standing}, {known}, {seen}, {ended},
credit AS (
  SELECT e.record_id, -1 AS low, CASE WHEN e.target = 'won' THEN w.ord ELSE l.ord - 1 END AS high,
    e.grp, e.kept, e.currency, e.amount, s.mask
  FROM ended AS e
  JOIN ladder AS l ON l.place = e.source
  JOIN ladder AS w ON w.place = 'won'
  JOIN seen AS s ON s.record_id = e.record_id
),
{chained}
{tail}
