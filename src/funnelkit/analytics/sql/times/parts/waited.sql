SELECT grp, stage, COUNT(*) AS records, SUM(CASE WHEN since_us < threshold_us THEN 1 ELSE 0 END) AS over_limit,
  MIN(since_us) AS oldest_us
FROM waiting
GROUP BY grp, stage
