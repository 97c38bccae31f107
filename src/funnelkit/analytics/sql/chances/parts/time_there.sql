SELECT grp, stage, lasted_us % 61 AS part, SUM(lasted_us) AS total_us
FROM stay
GROUP BY grp, stage, lasted_us % 61
