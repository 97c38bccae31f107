-- The reached funnel when nothing is filtered or grouped: one scan of an index, less the lifts
-- that no longer stand (wins that were taken back, records that are void).
WITH {standing}
SELECT 'lift' AS kind, furthest_before, furthest_after, currency, COUNT(*) AS records, SUM(amount) AS total
FROM move
WHERE pipeline = :pipeline AND furthest_before <> furthest_after AND moved_us <= :as_of
  AND created_us >= :created_from AND created_us < :created_to
GROUP BY furthest_before, furthest_after, currency
UNION ALL
SELECT 'undone' AS kind, c.furthest_before, c.furthest_after, c.currency, 0 - COUNT(*) AS records,
  0 - SUM(c.amount) AS total
FROM reopened AS r
JOIN move AS c ON c.record_id = r.record_id AND c.seq = r.seq - 1
WHERE c.pipeline = :pipeline AND c.target = 'won'
  AND c.created_us >= :created_from AND c.created_us < :created_to
GROUP BY c.furthest_before, c.furthest_after, c.currency
UNION ALL
SELECT 'void' AS kind, c.furthest_before, c.furthest_after, c.currency, 0 - COUNT(*) AS records,
  0 - SUM(c.amount) AS total
FROM voided AS v
JOIN move AS c ON c.record_id = v.void_id
WHERE c.pipeline = :pipeline AND c.furthest_before <> c.furthest_after AND c.furthest_after <> 'won'
  AND c.moved_us <= :as_of AND c.created_us >= :created_from AND c.created_us < :created_to
GROUP BY c.furthest_before, c.furthest_after, c.currency
