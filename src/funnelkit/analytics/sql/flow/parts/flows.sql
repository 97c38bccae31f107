SELECT grp, step, origin, reached, COUNT(*) AS moves
FROM link
GROUP BY grp, step, origin, reached
