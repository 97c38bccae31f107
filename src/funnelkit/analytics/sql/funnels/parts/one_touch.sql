-- All credits of a record stand under the value of one of them.
touches AS (
  SELECT record_id, unit, low, high, seq, moved_us, grp, kept, currency, amount, mask,
    ROW_NUMBER() OVER (PARTITION BY {units} ORDER BY seq, high) AS nth,
    ROW_NUMBER() OVER (PARTITION BY {units} ORDER BY seq DESC, high DESC) AS nth_last
  FROM {touching}
),
settled AS (
  SELECT record_id, unit, low, high, seq, moved_us, currency, amount, mask,
    MAX(CASE WHEN {touch} THEN grp ELSE '' END) OVER (PARTITION BY {units} ORDER BY high
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS grp,
    MAX(CASE WHEN {touch} THEN kept ELSE 0 END) OVER (PARTITION BY {units} ORDER BY high
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS kept,
    MAX(CASE WHEN {touch} THEN 1 ELSE 0 END) OVER (PARTITION BY {units} ORDER BY high
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS found
  FROM touches
),
touched AS (
  SELECT record_id, unit, low, high, seq, moved_us, grp, kept, currency, amount, mask
  FROM settled
  WHERE found = 1
),
