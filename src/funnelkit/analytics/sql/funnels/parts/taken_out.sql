-- The same without looking for lifts: the row that takes a record out, or back in, says how far it had
-- come.
SELECT m.furthest_before, 'won' AS furthest_after, {group} AS grp, '' AS currency,
    0 - COUNT(*) AS records, 0 AS total
  FROM move AS m
  WHERE m.direction = 'reopen' AND m.source = 'won' AND COALESCE(m.pipeline, '') = :pipeline
    AND m.moved_us <= :as_of {reopening}
  GROUP BY m.furthest_before {cells}
  UNION ALL
  SELECT '' AS furthest_before, m.furthest_before AS furthest_after, {group} AS grp, '' AS currency,
    0 - COUNT(*) AS records, 0 AS total
  FROM move AS m
  WHERE m.direction = 'close' AND m.target = 'void' AND m.pipeline = :pipeline
    AND m.moved_us <= :as_of {tests}
  GROUP BY m.furthest_before {cells}
  UNION ALL
  SELECT '' AS furthest_before, m.furthest_before AS furthest_after, {group} AS grp, '' AS currency,
    COUNT(*) AS records, 0 AS total
  FROM move AS m
  WHERE m.direction = 'reopen' AND m.source = 'void' AND COALESCE(m.pipeline, '') = :pipeline
    AND m.moved_us <= :as_of {reopening}
  GROUP BY m.furthest_before {cells}
  {left_behind}
