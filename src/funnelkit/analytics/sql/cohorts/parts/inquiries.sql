SELECT grp, fate, won, COUNT(*) AS records, SUM(deals) AS deals
FROM inquiry
GROUP BY grp, fate, won
