-- The sums of the reached funnel when nothing is filtered or grouped: every lift with its value, less those
-- that no longer stand (wins that were taken back, records that are void). Rows of void records that
-- lift nothing come along and count nothing; asking for lifts would tempt SQLite to scan them all again.
WITH {standing}
SELECT 'lift' AS kind, furthest_before, furthest_after, currency, COUNT(*) AS records, SUM(amount) AS total
FROM move
WHERE pipeline = :pipeline AND furthest_before <> furthest_after AND moved_us <= :as_of
  {born}
GROUP BY furthest_before, furthest_after, currency
UNION ALL
SELECT 'undone' AS kind, c.furthest_before, c.furthest_after, c.currency AS currency, 0 - COUNT(*) AS records,
  0 - SUM(c.amount) AS total
FROM move AS r
JOIN move AS c ON c.record_id = r.record_id AND c.seq = r.seq - 1
WHERE r.direction = 'reopen' AND r.source = 'won' AND r.moved_us <= :as_of AND c.pipeline = :pipeline
  {born_of_closing}
GROUP BY c.furthest_before, c.furthest_after, c.currency
UNION ALL
SELECT 'void' AS kind, c.furthest_before, c.furthest_after, c.currency AS currency, 0 - COUNT(*) AS records,
  0 - SUM(c.amount) AS total
FROM voided AS v
JOIN move AS c ON c.record_id = v.void_id
WHERE c.pipeline = :pipeline AND c.furthest_after <> 'won'
  AND c.moved_us <= :as_of {born_of_closing}
GROUP BY c.furthest_before, c.furthest_after, c.currency
