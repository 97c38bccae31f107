SELECT grp, stage, status, COUNT(*) AS records FROM state GROUP BY grp, stage, status
