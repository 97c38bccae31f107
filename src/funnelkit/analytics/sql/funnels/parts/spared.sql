LEFT JOIN barred AS b ON b.record_id = d.record_id AND b.unit = d.unit
LEFT JOIN finished AS f ON f.record_id = d.record_id AND f.unit = d.unit
WHERE COALESCE(b.hit_us, -1) < 0
  OR (COALESCE(f.done_us, -1) >= 0 AND COALESCE(f.done_us, -1) {sooner} COALESCE(b.hit_us, -1))
