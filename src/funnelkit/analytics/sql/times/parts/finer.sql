-- The same more finely, for the few ages asked for. (LEFT JOIN has SQLite go once through what ended, not
-- once for each age asked for; grouped, they get an index.)
, wanted AS (
  SELECT grp, stage, age FROM ({wanted}) AS asked GROUP BY grp, stage, age
)
SELECT a.grp, a.stage, a.age, a.fine, COUNT(*) AS ended_count
FROM (
  SELECT grp, stage, {rough} AS age, lasted_us + :step - 1 - (lasted_us + :step - 1) % :step AS fine
  FROM lasting
  WHERE ended = 1
) AS a
LEFT JOIN wanted AS w ON w.grp = a.grp AND w.stage = a.stage AND w.age = a.age
WHERE COALESCE(w.age, -1) >= 0
GROUP BY a.grp, a.stage, a.age, a.fine
