SELECT grp, stage, currency, chance, COUNT(*) AS records, SUM(amount) AS total
FROM hopeful
GROUP BY grp, stage, currency, chance
