-- How many records were ever on each stage, when nothing is filtered or grouped.
WITH {standing}
SELECT target AS stage, COUNT(*) AS records
FROM move
WHERE pipeline = :pipeline AND first_visit = 1 AND direction <> 'close' AND moved_us <= :as_of {born}
GROUP BY target
UNION ALL
SELECT c.target AS stage, 0 - COUNT(*) AS records
FROM move AS c
JOIN voided AS v ON v.void_id = c.record_id
WHERE c.pipeline = :pipeline AND c.first_visit = 1 AND c.direction <> 'close' AND c.moved_us <= :as_of
  {born_of_closing}
GROUP BY c.target
