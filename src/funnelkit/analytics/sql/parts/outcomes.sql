SELECT grp, outcome, currency, COUNT(*) AS records, SUM(amount) AS total
FROM ending
GROUP BY grp, outcome, currency
