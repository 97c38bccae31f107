-- Open records, and since when the clock of a policy runs for them.
WITH {customs} {standing}, {placed},
done AS (
  SELECT record_id, MAX(done_us) AS last_us FROM activity WHERE done_us <= :as_of GROUP BY record_id
),
edited AS (
  SELECT record_id, MAX(since_us) AS last_us FROM attribute WHERE since_us <= :as_of GROUP BY record_id
),
norm AS (
  {norms}
),
waiting AS (
  SELECT m.record_id AS record_id, m.stage AS stage, {group} AS grp, {since} AS since_us, n.threshold_us AS threshold_us
  FROM placed AS m
  JOIN norm AS n ON n.place = m.stage
  LEFT JOIN done AS d ON d.record_id = m.record_id
  LEFT JOIN edited AS e ON e.record_id = m.record_id
  {joins}
  WHERE m.status = 'open' AND {kept} = 1 {tests}
)
{tail}
