-- Records that came to a stage for the first time in the period, by who held them then; void ones left out.
WITH {standing}
SELECT m.owner, COUNT(*) AS records
FROM move AS m
LEFT JOIN voided AS v ON v.void_id = m.record_id
WHERE m.pipeline = :pipeline AND m.target = :stage AND m.first_visit = 1 AND m.direction <> 'close'
  AND m.moved_us >= :entered_from AND m.moved_us < :entered_to AND m.moved_us <= :as_of
  AND COALESCE(v.void_id, '') = ''
GROUP BY m.owner
