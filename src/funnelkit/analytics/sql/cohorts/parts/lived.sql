-- Ages are rounded up to whole units; those beyond the furthest horizon are one, and negative ones are one.
SELECT grp, status, why, age, COUNT(*) AS records, {watched}
FROM (
  SELECT grp, status, {why} AS why, watched_us,
    CASE WHEN lasted_us < 0 THEN -1
      WHEN lasted_us > :furthest THEN :furthest + 1
      ELSE lasted_us + :unit - 1 - (lasted_us + :unit - 1) % :unit END AS age
  FROM life
) AS aged
GROUP BY grp, status, why, age
