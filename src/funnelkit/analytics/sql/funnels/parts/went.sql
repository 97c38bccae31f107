SELECT grp, stage, COUNT(*) AS visited, SUM(went) AS direct FROM visitors GROUP BY grp, stage
