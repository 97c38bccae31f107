-- The same of records that changed hands, beside each of their lifts that stand: one of them passed the stage.
WITH {standing},
changed AS (
  SELECT record_id FROM ({edits}) AS edit GROUP BY record_id
)
SELECT c.furthest_before, c.furthest_after, m.target AS stage, c.grp AS grp, c.kept AS kept,
  m.grp AS grp_late, m.kept AS kept_late, COUNT(*) AS records
FROM changed AS d
JOIN (
  SELECT m.record_id AS record_id, m.target, {group} AS grp, {kept} AS kept
  FROM move AS m
  WHERE COALESCE(m.pipeline, '') = :pipeline AND m.first_visit = 1 AND m.direction <> 'close'
    AND m.furthest_before = m.furthest_after AND m.moved_us <= :as_of {young}
) AS m ON m.record_id = d.record_id
JOIN ({climb}) AS c ON c.record_id = m.record_id
LEFT JOIN reopened AS r ON r.record_id = c.record_id AND r.seq = c.seq + 1
LEFT JOIN voided AS v ON v.void_id = d.record_id
WHERE COALESCE(v.void_id, '') = '' AND COALESCE(r.seq, 0) = 0
GROUP BY c.furthest_before, c.furthest_after, m.target, c.grp, c.kept, m.grp, m.kept
