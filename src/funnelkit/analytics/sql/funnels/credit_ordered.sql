-- The row that first completes the first n steps in their order is the credit for step n.
WITH {customs} {standing}, {known},
begun AS (
  SELECT record_id, unit, seq, moved_us,
    ROW_NUMBER() OVER (PARTITION BY {units} ORDER BY seq) AS entry
  FROM known
  WHERE target = :step_1
),
step_1 AS (
  SELECT record_id, unit, seq, moved_us, moved_us + 1 AS began FROM begun WHERE {anchor} {entered}
),
{steps}
{discard}
done AS (
  {firsts}
),
credit AS (
  SELECT d.record_id AS record_id, k.unit, d.ord - 1 AS low, d.ord AS high, k.seq AS seq, k.moved_us,
    k.grp, k.kept, k.currency AS currency, k.amount AS amount, 0 AS mask
  FROM done AS d
  JOIN known AS k ON k.record_id = d.record_id AND k.seq = d.seq_done
  {spared}
),
{chained}
{tail}
