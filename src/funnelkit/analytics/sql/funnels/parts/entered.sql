SELECT grp, stage, SUM(times) AS entries, COUNT(*) AS records FROM visits GROUP BY grp, stage
