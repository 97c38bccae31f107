, {arrivals},
counted AS (
  SELECT record_id, low, high FROM {chosen} GROUP BY record_id, low, high
)
SELECT e.grp AS grp, c.low AS low, c.high AS high, COUNT(*) AS records
FROM counted AS c
JOIN everyone AS e ON e.record_id = c.record_id
GROUP BY e.grp, c.low, c.high
UNION ALL
SELECT grp, -1 AS low, 0 AS high, COUNT(*) AS records FROM everyone GROUP BY grp
