UNION ALL
SELECT record_id, unit, 0 AS begun, 0 AS start_us, seq, moved_us, {out} AS turn FROM known
WHERE target = :ban_{n}
