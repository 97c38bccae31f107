-- Only those whose credit for the first row falls into the period.
entries AS (
  SELECT record_id, unit, low, high, seq, moved_us, grp, kept, currency, amount, mask,
    MAX(CASE WHEN low < 1 THEN moved_us ELSE -1 END) OVER (PARTITION BY {units} ORDER BY high
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS entered_us
  FROM credit
),
entrants AS (
  SELECT record_id, unit, low, high, seq, moved_us, grp, kept, currency, amount, mask
  FROM entries
  WHERE entered_us >= :entered_from AND entered_us < :entered_to
),
