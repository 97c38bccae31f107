SELECT grp, status, currency, COUNT(*) AS records, SUM(amount) AS total
FROM state
GROUP BY grp, status, currency
