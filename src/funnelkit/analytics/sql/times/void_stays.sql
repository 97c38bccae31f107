-- How long the stays lasted of records that are void as of then: one column a stage, with all of them in one
-- text, which takes a fifth of the memory that a row for each would. (Not portable. COALESCE keeps SQLite from
-- going through all stays instead of those of these few records.)
WITH {standing},
gone AS (
  SELECT void_id FROM voided GROUP BY void_id
)
SELECT {listed}
FROM gone AS g
JOIN move AS m ON m.record_id = g.void_id
WHERE COALESCE(m.source_pipeline, '') = :pipeline AND m.moved_us <= :as_of {born}
