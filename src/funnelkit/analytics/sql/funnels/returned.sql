-- Records that ever left a stage backward, when nothing is filtered or grouped.
WITH {standing},
backward AS (
  SELECT m.source, m.record_id AS record_id
  FROM move AS m
  WHERE m.source_pipeline = :pipeline AND m.direction = 'back' AND m.moved_us <= :as_of {born}
  GROUP BY m.source, m.record_id
)
SELECT b.source AS stage, COUNT(*) AS records
FROM backward AS b
LEFT JOIN voided AS v ON v.void_id = b.record_id
WHERE COALESCE(v.void_id, '') = ''
GROUP BY b.source
