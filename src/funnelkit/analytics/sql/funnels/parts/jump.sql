jump_{n} AS (
  SELECT a.record_id AS record_id, a.unit AS unit, a.begun AS begun, COALESCE(b.next_begun,
    :never) AS next_begun
  FROM jump_{before} AS a
  LEFT JOIN jump_{before} AS b ON b.record_id = a.record_id AND b.begun = a.next_begun
),
real_{n} AS (
  SELECT record_id, unit, begun FROM real_{before}
  UNION ALL
  SELECT r.record_id AS record_id, r.unit AS unit, j.next_begun AS begun
  FROM real_{before} AS r
  JOIN jump_{before} AS j ON j.record_id = r.record_id AND j.begun = r.begun
  WHERE j.next_begun < :never
)
