SELECT grp, code_1, code_2, code_3, code_4, longer, records, ongoing, variety, everybody
FROM (
  SELECT grp, code_1, code_2, code_3, code_4, longer, records, ongoing,
    ROW_NUMBER() OVER (PARTITION BY grp ORDER BY records DESC, longer, code_1, code_2, code_3, code_4) AS nth,
    COUNT(*) OVER (PARTITION BY grp ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS variety,
    SUM(records) OVER (PARTITION BY grp ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS everybody
  FROM (
    SELECT grp, code_1, code_2, code_3, code_4, longer, COUNT(*) AS records, SUM(running) AS ongoing
    FROM coded
    GROUP BY grp, code_1, code_2, code_3, code_4, longer
  ) AS variant
) AS numbered
WHERE nth <= :top
