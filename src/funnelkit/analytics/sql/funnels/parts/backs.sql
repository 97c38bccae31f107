SELECT grp, stage, COUNT(*) AS records FROM backward WHERE times = 1 AND kept = 1 GROUP BY grp, stage
