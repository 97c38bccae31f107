SELECT grp, currency, age_us, COUNT(*) AS records, SUM(amount) AS total, SUM(is_first) AS clients
FROM lifetime
GROUP BY grp, currency, age_us
