SELECT came_from, lead_source, CASE WHEN place < touches THEN 0 WHEN won_id <> '' THEN 1 ELSE 2 END AS ending,
  COUNT(*) AS records
FROM touch
GROUP BY came_from, lead_source, CASE WHEN place < touches THEN 0 WHEN won_id <> '' THEN 1 ELSE 2 END
