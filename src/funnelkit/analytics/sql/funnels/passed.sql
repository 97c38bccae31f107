-- How often each pair of places was moved between, and how many of the closings were taken back: where records
-- stand follows from it, in one pipeline that nobody was moved into or out of.
WITH {standing}
SELECT m.source, m.target, COUNT(*) AS moves, 0 AS taken_back
FROM move AS m
WHERE m.pipeline = :pipeline AND m.target <> '' AND m.moved_us <= :as_of {born}
GROUP BY m.source, m.target
UNION ALL
SELECT m.source, m.target, 0 AS moves, COUNT(*) AS taken_back
FROM move AS m
JOIN reopened AS r ON r.record_id = m.record_id AND r.seq - 1 = m.seq
WHERE COALESCE(m.pipeline, '') = :pipeline {born}
GROUP BY m.source, m.target
