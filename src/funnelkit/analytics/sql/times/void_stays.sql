-- How long the stays lasted of records that are void as of then, and the number of their stage. (COALESCE keeps
-- SQLite from going through all stays instead of those of these few records.)
WITH {standing}, {ladder},
gone AS (
  SELECT void_id FROM voided GROUP BY void_id
)
SELECT p.ord, m.moved_us - m.since_us AS lasted_us
FROM gone AS g
JOIN move AS m ON m.record_id = g.void_id
JOIN ladder AS p ON p.place = m.source
WHERE COALESCE(m.source_pipeline, '') = :pipeline AND m.moved_us <= :as_of {born}
