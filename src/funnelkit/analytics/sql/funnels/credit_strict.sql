-- Each step right after the one before; the row that first completes the first n is the credit for step n.
WITH {customs} {standing}, {known},
turns AS (
  SELECT record_id, unit, seq, moved_us, target,
    LAG(seq, 1, 0) OVER (PARTITION BY {units} ORDER BY seq) AS seq_before,
    CASE WHEN target = LAG(target, 1,
    '') OVER (PARTITION BY {units} ORDER BY seq) THEN 0 ELSE 1 END AS turned
  FROM known
),
lined AS (
  SELECT record_id, unit, seq, moved_us, target, seq_before,
    SUM(turned) OVER (PARTITION BY {units} ORDER BY seq
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
  FROM turns
),
begun AS (
  SELECT record_id, unit, seq, moved_us, stretch,
    ROW_NUMBER() OVER (PARTITION BY {units} ORDER BY seq) AS entry
  FROM lined
  WHERE target = :step_1
),
fresh_1 AS (
  SELECT record_id, unit, seq, moved_us, stretch,
    CASE WHEN {anchor} {entered} THEN moved_us + 1 ELSE 0 END AS began
  FROM begun
),
kept_up_1 AS (
  SELECT record_id, unit, seq, moved_us, MAX(began) OVER (PARTITION BY {units}, stretch ORDER BY seq
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS began
  FROM fresh_1
),
step_1 AS (
  SELECT record_id, unit, seq, moved_us, began FROM kept_up_1 WHERE began > 0
),
{steps}
done AS (
  {firsts}
),
credit AS (
  SELECT d.record_id AS record_id, k.unit AS unit, d.ord - 1 AS low, d.ord AS high, k.seq AS seq,
    k.moved_us AS moved_us,
    k.grp AS grp, k.kept AS kept, k.currency AS currency, k.amount AS amount, 0 AS mask
  FROM done AS d
  JOIN known AS k ON k.record_id = d.record_id AND k.seq = d.seq_done
),
{chained}
{tail}
