-- The reached funnel off the facts that rows carry, as if no record was ever handed over: one scan of an
-- index, less the lifts that no longer stand. A win that was taken back takes its lift along, a record
-- that is void all of its lifts. (COALESCE, because an equality would tempt SQLite to look for those in
-- the order of the first scan.) What changed hands is corrected by `handed`.
WITH {standing}
SELECT furthest_before, furthest_after, grp, currency, SUM(records) AS records, SUM(total) AS total
FROM (
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    COUNT(*) AS records, {total} AS total
  FROM move AS m
  WHERE m.pipeline = :pipeline AND m.furthest_before <> m.furthest_after AND m.moved_us <= :as_of {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
  UNION ALL
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    0 - COUNT(*) AS records, 0 - {total} AS total
  FROM reopened AS r
  JOIN move AS m ON m.record_id = r.record_id AND m.seq = r.seq - 1
  WHERE m.furthest_after = 'won' AND COALESCE(m.pipeline, '') = :pipeline {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
  UNION ALL
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    0 - COUNT(*) AS records, 0 - {total} AS total
  FROM voided AS v
  JOIN move AS m ON m.record_id = v.void_id
  WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
    AND m.furthest_after <> 'won' AND m.moved_us <= :as_of {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
) AS lifted
GROUP BY furthest_before, furthest_after, grp, currency
