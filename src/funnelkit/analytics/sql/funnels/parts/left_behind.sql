-- Lifts of void records that the closing does not know: in a pipeline that was left before, and below an
-- age that the closing was beyond. Engines that guess badly how few these are take long to find none.
UNION ALL
  SELECT m.furthest_before, m.furthest_after, {group} AS grp, '' AS currency,
    0 - COUNT(*) AS records, 0 AS total
  FROM {void_move} AS m
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
