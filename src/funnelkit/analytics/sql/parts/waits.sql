SELECT grp, stage, coarse_us, SUM(ended) AS ended_count, SUM(running) AS running_count
FROM (SELECT grp, stage, ended, running, {coarse} AS coarse_us FROM stay) AS rounded
GROUP BY grp, stage, coarse_us
