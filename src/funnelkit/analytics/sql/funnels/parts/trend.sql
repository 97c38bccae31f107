, entrants_of AS (
  SELECT record_id, unit, MAX(CASE WHEN low < 1 THEN moved_us ELSE -1 END) AS entered_us,
    MAX(CASE WHEN low < 1 THEN kept ELSE 0 END) AS kept, MAX(CASE WHEN low < 1 THEN grp ELSE '' END) AS grp,
    MAX(high) AS furthest
  FROM credit
  GROUP BY record_id, unit
),
binned AS (
  SELECT grp, furthest, entered_us, entered_us - entered_us % :bin_us AS bin_start
  FROM entrants_of
  WHERE kept = 1
)
SELECT grp, bin_start, furthest, COUNT(*) AS records, MAX(entered_us) AS last_us
FROM binned
GROUP BY grp, bin_start, furthest
