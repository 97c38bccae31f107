-- Records that left a stage backward; the first time is the one that is counted.
WITH {customs} {standing}, {placed},
backward AS (
  SELECT m.record_id, m.source AS stage, {group} AS grp, {kept} AS kept,
    ROW_NUMBER() OVER (PARTITION BY m.record_id, m.source ORDER BY m.seq) AS times
  FROM move AS m
  JOIN placed AS p ON p.record_id = m.record_id
  {joins}
  WHERE m.source_pipeline = :pipeline AND m.direction = 'back' AND m.moved_us <= :as_of
    AND p.status <> 'void' {closing_of_placed} {tests}
)
{tail}
