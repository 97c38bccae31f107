UNION ALL
SELECT record_id, unit, seq, moved_us, 0 AS began, {out} AS turn FROM known WHERE target = :ban_{n}
