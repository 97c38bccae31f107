-- How often one record came to the first step, at most.
SELECT COALESCE(MAX(times), 0) AS times
FROM (
  SELECT COUNT(*) AS times
  FROM move
  WHERE pipeline = :pipeline AND target = :step_1 AND moved_us <= :as_of
  GROUP BY record_id
) AS entries
