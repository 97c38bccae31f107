-- The reached funnel when nothing is filtered or grouped: one scan of an index, less the lifts that
-- no longer stand. A win that was taken back takes its lift along. A record that became void in the
-- pipeline takes all along that its closing says it had reached; one that became void in another
-- pipeline takes its lifts along one by one.
WITH {standing}
SELECT 'lift' AS kind, furthest_before, furthest_after, COUNT(*) AS records
FROM move
WHERE pipeline = :pipeline AND furthest_before <> furthest_after AND moved_us <= :as_of {born}
GROUP BY furthest_before, furthest_after
UNION ALL
SELECT 'undone' AS kind, c.furthest_before, c.furthest_after, 0 - COUNT(*) AS records
FROM move AS r
JOIN move AS c ON c.record_id = r.record_id AND c.seq = r.seq - 1
WHERE r.direction = 'reopen' AND r.source = 'won' AND r.moved_us <= :as_of AND c.pipeline = :pipeline
  {born_of_closing}
GROUP BY c.furthest_before, c.furthest_after
UNION ALL
SELECT 'void' AS kind, '' AS furthest_before, c.furthest_before AS furthest_after, 0 - COUNT(*) AS records
FROM voided AS v
JOIN move AS c ON c.record_id = v.void_id AND c.seq = v.void_seq
WHERE v.void_in = :pipeline {born_of_closing}
GROUP BY c.furthest_before
UNION ALL
SELECT 'void elsewhere' AS kind, c.furthest_before, c.furthest_after, 0 - COUNT(*) AS records
FROM voided AS v
JOIN move AS c ON c.record_id = v.void_id
WHERE v.void_in <> :pipeline AND c.pipeline = :pipeline AND c.furthest_after <> 'won'
  AND c.moved_us <= :as_of {born_of_closing}
GROUP BY c.furthest_before, c.furthest_after
