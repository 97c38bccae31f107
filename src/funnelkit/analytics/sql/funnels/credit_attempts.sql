-- Every entry into the first step as if it began an attempt; then only those that really did: the first
-- one, and each first one after an attempt was over. Who follows whom is found by jumps of 1, 2, 4, ….
WITH {customs} {standing}, {known},
attempt_1 AS (
  SELECT record_id, unit, seq AS begun, moved_us AS start_us, seq, moved_us FROM known
  WHERE target = :step_1
),
{steps}
ends AS (
  SELECT record_id, unit, begun, {over_seq} AS over_seq, moved_us AS over_us FROM attempt_{last}
  {struck}
),
calls AS (
  SELECT a.record_id AS record_id, a.unit AS unit, a.begun AS begun, COALESCE(o.over_us,
    a.start_us + :within) AS call_us,
    COALESCE(o.over_seq, :never) AS call_seq, 1 AS turn
  FROM attempt_1 AS a
  LEFT JOIN ends AS o ON o.record_id = a.record_id AND o.unit = a.unit AND o.begun = a.begun
  UNION ALL
  SELECT record_id, unit, begun, moved_us AS call_us, seq AS call_seq, 0 AS turn FROM attempt_1
),
answers AS (
  SELECT record_id, unit, begun, turn, MIN(CASE WHEN turn = 0 THEN begun ELSE :never END) OVER (
      PARTITION BY {units} ORDER BY call_us, call_seq, turn
      ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_begun
  FROM calls
),
jump_0 AS (
  SELECT record_id, unit, begun, next_begun FROM answers WHERE turn = 1
),
real_0 AS (
  SELECT record_id, unit, MIN(begun) AS begun FROM attempt_1 GROUP BY record_id, unit
),
{jumps}
done AS (
  {firsts}
),
credit AS (
  SELECT d.record_id AS record_id, d.begun AS unit, d.ord - 1 AS low, d.ord AS high, k.seq AS seq,
    k.moved_us AS moved_us,
    k.grp AS grp, k.kept AS kept, k.currency AS currency, k.amount AS amount, 0 AS mask
  FROM done AS d
  JOIN real_{rounds} AS r ON r.record_id = d.record_id AND r.begun = d.begun
  JOIN known AS k ON k.record_id = d.record_id AND k.seq = d.seq
),
{chained}
{tail}
