SELECT lead_source, CASE WHEN place = 1 THEN 1 ELSE 0 END AS is_first,
  CASE WHEN place = touches THEN 1 ELSE 0 END AS is_last, touches, currency, COUNT(*) AS records,
  SUM(amount) AS total
FROM touch
WHERE won_id <> ''
GROUP BY lead_source, CASE WHEN place = 1 THEN 1 ELSE 0 END, CASE WHEN place = touches THEN 1 ELSE 0 END,
  touches, currency
