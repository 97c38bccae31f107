SELECT grp, part, status, currency, lasted_us % 61 AS rest, COUNT(*) AS records, SUM(amount) AS total,
  SUM(lasted_us) AS total_us
FROM cohort
GROUP BY grp, part, status, currency, lasted_us % 61
