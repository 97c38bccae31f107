-- The same without looking for lifts: the row that takes a record out, or back in, says how far it had
-- come. Looked for is what that row does not know: lifts in a pipeline that was left before, and those
-- below an age that the closing was beyond.
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
  UNION ALL
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, '' AS currency,
    0 - COUNT(*) AS records, 0 AS total
  FROM move AS m
  JOIN (
    SELECT c.record_id AS record_id
    FROM move AS c
    LEFT JOIN reopened AS r ON r.record_id = c.record_id AND r.seq = c.seq + 1
    WHERE c.direction = 'close' AND c.target = 'void' AND c.moved_us <= :as_of AND COALESCE(r.seq, 0) = 0
      AND (c.pipeline <> :pipeline {beyond})
    GROUP BY c.record_id
  ) AS v ON v.record_id = m.record_id
  WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
    AND m.furthest_after <> 'won' AND m.moved_us <= :as_of {tests}
  GROUP BY m.furthest_before, m.furthest_after {cells}
