-- Live and won records: the lifts up to where they stand. Others: the stages that they were on.
WITH {customs} {ladder}, {standing}, {known}, {seen}, {climbs},
{latest},
live AS (
  SELECT m.record_id AS record_id, l.ord AS here
  FROM latest AS n
  JOIN move AS m ON m.record_id = n.record_id AND m.seq = n.seq_last
  JOIN ladder AS l ON l.place = m.target
  WHERE m.pipeline = :pipeline
),
credit AS (
  SELECT k.record_id AS record_id, k.unit AS unit, k.low AS low,
    CASE WHEN k.high < a.here THEN k.high ELSE a.here END AS high,
    k.seq AS seq, k.moved_us AS moved_us, k.grp AS grp, k.kept AS kept, k.currency AS currency,
    k.amount AS amount, {mask} AS mask
  FROM climb AS k
  JOIN live AS a ON a.record_id = k.record_id
  {masked}
  WHERE k.high > k.low AND k.low < a.here
  UNION ALL
  SELECT k.record_id AS record_id, k.unit AS unit, l.ord - 1 AS low, l.ord AS high, k.seq AS seq,
    k.moved_us AS moved_us, k.grp AS grp, k.kept AS kept, k.currency AS currency,
    k.amount AS amount, {mask} AS mask
  FROM known AS k
  JOIN ladder AS l ON l.place = k.target
  {masked}
  LEFT JOIN live AS a ON a.record_id = k.record_id
  WHERE k.first_visit = 1 AND COALESCE(a.here, 0) = 0
),
{chained}
{tail}
