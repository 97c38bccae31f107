SELECT grp, stage, lasted_us, SUM(ended) AS ended_count, SUM(running) AS running_count
FROM stay
GROUP BY grp, stage, lasted_us
