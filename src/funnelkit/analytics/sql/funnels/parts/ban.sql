UNION ALL
SELECT record_id, unit, seq, moved_us, 0 AS began{since_none}, {out} AS turn FROM known
WHERE target = :ban_{n}
