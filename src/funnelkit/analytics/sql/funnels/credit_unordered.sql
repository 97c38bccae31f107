-- The row that first makes it n different steps within one window, in any order, is the credit for n.
WITH {customs} {standing}, {known},
lately AS (
  SELECT record_id, unit, seq, moved_us, grp, kept, currency, amount,
    {last_times}
  FROM known
),
done AS (
  SELECT record_id, unit, seq, moved_us, grp, kept, currency, amount,
    {together} AS steps_done
  FROM lately
),
climb AS (
  SELECT record_id, unit, seq, moved_us, grp, kept, currency, amount, steps_done,
    COALESCE(MAX(steps_done) OVER (PARTITION BY {units} ORDER BY seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS best_before
  FROM done
),
credit AS (
  SELECT record_id, unit, best_before AS low, steps_done AS high, seq, moved_us, grp, kept, currency, amount,
    0 AS mask
  FROM climb
  WHERE steps_done > best_before
),
{chained}
{tail}
