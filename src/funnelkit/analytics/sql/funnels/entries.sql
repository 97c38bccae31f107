-- Every time that a record came to a stage; a win counts while it stands.
WITH {customs} {standing}, {known},
visits AS (
  SELECT record_id, grp, target AS stage, COUNT(*) AS times
  FROM known
  WHERE kept = 1
  GROUP BY record_id, grp, target
)
{tail}
