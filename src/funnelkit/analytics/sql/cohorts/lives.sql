-- How long each record lived until it ended, or until as of then, and how long it could be watched.
WITH {customs} {standing}, {placed},
life AS (
  SELECT m.record_id AS record_id, m.status, m.reason, {group} AS grp, :as_of - m.created_us AS watched_us,
    CASE WHEN m.status = 'open' THEN :as_of ELSE m.moved_us END - m.created_us AS lasted_us
  FROM placed AS m
  {joins}
  WHERE {kept} = 1 {tests}
)
{tail}
