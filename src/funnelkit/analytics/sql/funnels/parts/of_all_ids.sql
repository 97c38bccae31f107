, {arrivals}
SELECT c.record_id AS record_id
FROM {chosen} AS c
JOIN everyone AS e ON e.record_id = c.record_id
WHERE c.low < :ord AND c.high >= :ord AND e.grp = :key
GROUP BY c.record_id
