-- What `fallen` tells, without looking for lifts: a win that was taken back, a record that became void, one
-- that came back from it. The row that does it says how far the record had come. (A reopening takes back the
-- closing before it, so it is the age at that closing, which it calls since_us, that a horizon looks at.)
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
