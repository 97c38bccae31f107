SELECT grp, stage, due, currency, chance, COUNT(*) AS records, SUM(amount) AS total
FROM dated
GROUP BY grp, stage, due, currency, chance
