-- Records that left a stage backward; the first time is the one that is counted.
WITH {customs} {standing}, {ended},
backward AS (
  SELECT m.record_id AS record_id, m.source AS stage, {group} AS grp, {kept} AS kept,
    ROW_NUMBER() OVER (PARTITION BY m.record_id, m.source ORDER BY m.seq) AS times
  FROM move AS m
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  {closing}
  {joins}
  WHERE m.source_pipeline = :pipeline AND m.direction = 'back' AND m.moved_us <= :as_of
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(v.void_id, '') = '' {tests}
)
{tail}
