SELECT grp, stage, previous, target, COUNT(*) AS moves
FROM leaving
WHERE kept = 1
GROUP BY grp, stage, previous, target
