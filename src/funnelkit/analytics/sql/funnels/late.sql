-- Records that came to a stage for the first time when they had been further already.
WITH {standing}
SELECT m.target AS stage, {group} AS grp, COUNT(*) AS records
FROM move AS m
LEFT JOIN voided AS v ON v.void_id = m.record_id
WHERE m.pipeline = :pipeline AND m.first_visit = 1 AND m.direction <> 'close'
  AND m.furthest_before = m.furthest_after AND m.moved_us <= :as_of AND COALESCE(v.void_id, '') = '' {tests}
GROUP BY m.target {cells}
