-- How many records came into the pipeline, and how many of them lately.
WITH {customs} {standing}, {arrived},
arriving AS (
  SELECT m.record_id AS record_id, m.moved_us, {group} AS grp, {kept} AS kept
  FROM arrived AS a
  JOIN move AS m ON m.record_id = a.record_id AND m.seq = a.seq_in
  LEFT JOIN voided AS v ON v.void_id = a.record_id
  {joins}
  WHERE COALESCE(v.void_id, '') = '' {tests}
)
SELECT grp, SUM(CASE WHEN moved_us > :recent_from THEN 1 ELSE 0 END) AS lately, MIN(moved_us) AS first_us
FROM arriving
WHERE kept = 1
GROUP BY grp
