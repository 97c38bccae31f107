-- The paths of records as numbers: one digit a place, ten digits to the base of 66 a number.
{walks},
weighed AS (
  SELECT record_id, grp, status, n, reached *
    CASE
      WHEN n % 10 = 1 THEN 1
      WHEN n % 10 = 2 THEN 66
      WHEN n % 10 = 3 THEN 4356
      WHEN n % 10 = 4 THEN 287496
      WHEN n % 10 = 5 THEN 18974736
      WHEN n % 10 = 6 THEN 1252332576
      WHEN n % 10 = 7 THEN 82653950016
      WHEN n % 10 = 8 THEN 5455160701056
      WHEN n % 10 = 9 THEN 360040606269696
      ELSE 23762680013799936 END AS worth
  FROM walked
),
coded AS (
  SELECT record_id, grp,
    SUM(CASE WHEN n <= 10 THEN worth ELSE 0 END) AS code_1,
    SUM(CASE WHEN n > 10 AND n <= 20 THEN worth ELSE 0 END) AS code_2,
    SUM(CASE WHEN n > 20 AND n <= 30 THEN worth ELSE 0 END) AS code_3,
    SUM(CASE WHEN n > 30 AND n <= 40 THEN worth ELSE 0 END) AS code_4,
    MAX(CASE WHEN n > 40 THEN 1 ELSE 0 END) AS longer,
    MAX(CASE WHEN status = 'open' THEN 1 ELSE 0 END) AS running
  FROM weighed
  GROUP BY record_id, grp
)
{tail}
