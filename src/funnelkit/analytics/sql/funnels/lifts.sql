-- The reached funnel off the facts that rows carry, as if no record was ever handed over: one scan of an
-- index, less the lifts that no longer stand. What changed hands is corrected by `handed`.
WITH {standing}
SELECT furthest_before, furthest_after, grp, currency, SUM(records) AS records, SUM(total) AS total
FROM (
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, {currency} AS currency,
    COUNT(*) AS records, {total} AS total
  FROM move AS m
  WHERE m.pipeline = :pipeline AND m.furthest_before <> m.furthest_after AND m.moved_us <= :as_of {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
  UNION ALL
  {fallen}
) AS lifted
GROUP BY furthest_before, furthest_after, grp, currency
