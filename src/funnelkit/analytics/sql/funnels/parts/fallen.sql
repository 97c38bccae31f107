-- Lifts that no longer stand, one by one: a win that was taken back, and all that a void record had.
-- (COALESCE, because an equality would tempt SQLite to look for them in the order of the first scan.)
SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    0 - COUNT(*) AS records, 0 - {total} AS total
  FROM move AS m
  JOIN reopened AS r ON r.record_id = m.record_id AND r.seq - 1 = m.seq
  WHERE r.reopened_from = 'won' AND COALESCE(m.pipeline, '') = :pipeline {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
  UNION ALL
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    0 - COUNT(*) AS records, 0 - {total} AS total
  FROM {void_move} AS m
  JOIN voided AS v ON v.void_id = m.record_id
  WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
    AND m.furthest_after <> 'won' AND m.moved_us <= :as_of {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
