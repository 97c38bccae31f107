-- The same more finely, for the few ages asked for.
, wanted AS (
  {wanted}
)
SELECT w.grp, w.stage, w.age, a.fine, COUNT(*) AS ended_count
FROM (
  SELECT grp, stage, {rough} AS age, lasted_us + :step - 1 - (lasted_us + :step - 1) % :step AS fine
  FROM lasting
  WHERE ended = 1
) AS a
JOIN wanted AS w ON w.grp = a.grp AND w.stage = a.stage AND w.age = a.age
GROUP BY w.grp, w.stage, w.age, a.fine
