SELECT h.record_id AS record_id{names}
FROM here AS h
JOIN placed AS p ON p.record_id = h.record_id
WHERE p.status = 'open' AND h.furthest_ord = :ord AND h.kept = 1
