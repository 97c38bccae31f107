-- Lifts that no longer stand, one by one: a win that was taken back, and all that a void record had.
-- (COALESCE, because an equality would tempt SQLite to look for them in the order of the first scan.)
SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    0 - COUNT(*) AS records, 0 - {total} AS total
  FROM reopened AS r
  JOIN move AS m ON m.record_id = r.record_id AND m.seq = r.seq - 1
  WHERE r.reopened_from = 'won' AND COALESCE(m.pipeline, '') = :pipeline {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
  UNION ALL
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    0 - COUNT(*) AS records, 0 - {total} AS total
  FROM voided AS v
  JOIN move AS m ON m.record_id = v.void_id
  WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
    AND m.furthest_after <> 'won' AND m.moved_us <= :as_of {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
