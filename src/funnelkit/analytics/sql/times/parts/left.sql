-- Finished stays are moves away from a stage. (COALESCE keeps SQLite from an index that would send it back to
-- the table for each of nearly all rows.)
SELECT m.record_id AS record_id, m.source AS stage, m.moved_us - COALESCE(m.since_us, m.moved_us) AS lasted_us,
  1 AS ended, 0 AS running, {group} AS grp,
  CASE WHEN m.direction = 'close' THEN m.target WHEN m.direction = 'transfer' THEN 'moved_away'
    WHEN m.direction = 'back' THEN 'back' ELSE 'forward' END AS went
FROM move AS m
LEFT JOIN voided AS v ON v.void_id = m.record_id
{joins}
WHERE COALESCE(m.source_pipeline, '') = :pipeline AND m.moved_us <= :as_of
  AND m.direction <> 'create' AND m.direction <> 'reopen'
  AND m.created_us >= :created_from AND m.created_us < :created_to
  AND COALESCE(v.void_id, '') = '' AND {kept} = 1 {tests}
