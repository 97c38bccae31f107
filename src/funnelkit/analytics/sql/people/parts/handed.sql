SELECT e.owner AS closer, f.owner AS opener, COUNT(*) AS records
FROM ending AS e
JOIN move AS f ON f.record_id = e.record_id AND f.seq = 1
WHERE f.owner <> e.owner
GROUP BY e.owner, f.owner
