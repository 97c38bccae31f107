SELECT grp, stage, currency, COUNT(*) AS records, SUM(amount) AS total
FROM state
WHERE status = 'open'
GROUP BY grp, stage, currency
