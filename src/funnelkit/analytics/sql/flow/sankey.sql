-- Moves as links, by step or all together (step 0), and a last one for what is still open (66). What
-- comes after the last step that is shown is one end (67).
{walks},
linked AS (
  SELECT record_id, grp, n, origin, reached FROM walked
  UNION ALL
  SELECT record_id, grp, n + 1 AS n, reached AS origin, 66 AS reached
  FROM walked
  WHERE next_seq = 0 AND status = 'open'
),
link AS (
  SELECT record_id, grp, {level} AS step, origin,
    CASE WHEN n > :depth AND reached <> 66 THEN 67 ELSE reached END AS reached
  FROM linked
  WHERE n <= :beyond
)
{tail}
