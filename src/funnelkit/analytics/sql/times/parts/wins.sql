-- Wins dated before the creation are of no age.
SELECT grp, age, COUNT(*) AS records
FROM (
  SELECT grp, CASE WHEN lasted_us < 0 THEN -1 ELSE {age} END AS age FROM ending WHERE outcome = 'won'
) AS aged
GROUP BY grp, age
