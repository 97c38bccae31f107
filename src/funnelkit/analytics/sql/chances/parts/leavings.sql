SELECT grp, stage, target, COUNT(*) AS moves FROM leaving WHERE kept = 1 GROUP BY grp, stage, target
