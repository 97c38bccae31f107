SELECT grp, stage, CASE WHEN lasted_us > middle_us THEN 1 ELSE 0 END AS longer, target, COUNT(*) AS moves
FROM (
  SELECT grp, stage, target, lasted_us,
    MIN(CASE WHEN nth * 2 >= many THEN lasted_us ELSE :as_of END) OVER (PARTITION BY grp, stage
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS middle_us
  FROM (
    SELECT grp, stage, target, lasted_us,
      ROW_NUMBER() OVER (PARTITION BY grp, stage ORDER BY lasted_us) AS nth,
      COUNT(*) OVER (PARTITION BY grp, stage
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS many
    FROM leaving
    WHERE kept = 1
  ) AS counted
) AS halved
GROUP BY grp, stage, CASE WHEN lasted_us > middle_us THEN 1 ELSE 0 END, target
