-- A lift, the one before it and the first one.
JOIN ({climb}) AS c ON c.record_id = d.record_id
JOIN ({climb}) AS b ON b.record_id = c.record_id AND b.furthest_after = c.furthest_before
JOIN ({climb}) AS f ON f.record_id = c.record_id
WHERE f.furthest_before = '' AND c.moved_us >= d.first_us
