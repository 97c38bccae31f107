-- The row that first completes the first n steps in their order is the credit for step n.
WITH {customs} {standing}, {known},
{walked}
{discard}
done AS (
  {firsts}
),
credit AS (
  SELECT d.record_id AS record_id, k.unit AS unit, d.ord - 1 AS low, d.ord AS high, k.seq AS seq,
    k.moved_us AS moved_us,
    k.grp AS grp, k.kept AS kept, k.currency AS currency, k.amount AS amount, 0 AS mask
  FROM done AS d
  JOIN known AS k ON k.record_id = d.record_id AND k.seq = d.seq_done
  {spared}
),
{chained}
{tail}
