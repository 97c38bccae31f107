SELECT grp, stage, kind, currency, COUNT(*) AS moves, SUM(amount) AS total
FROM turned
GROUP BY grp, stage, kind, currency
