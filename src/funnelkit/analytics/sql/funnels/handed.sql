-- The lifts of records that changed hands which had other ones than the lift before, which ends where they
-- begin, or than the first. Those that do not stand are taken away again. (Grouped, what fell is found
-- first and its lifts after.)
WITH {standing},
changed AS (
  SELECT record_id, MIN(since_us) AS first_us, 0 AS seq FROM ({edits}) AS edit GROUP BY record_id
),
fell AS (
  SELECT d.record_id AS record_id, d.first_us AS first_us, r.seq - 1 AS seq
  FROM changed AS d JOIN reopened AS r ON r.record_id = d.record_id
  WHERE r.reopened_from = 'won'
  GROUP BY d.record_id, d.first_us, r.seq
),
fell_whole AS (
  SELECT d.record_id AS record_id, d.first_us AS first_us, 0 AS seq
  FROM changed AS d JOIN voided AS v ON v.void_id = d.record_id
  GROUP BY d.record_id, d.first_us
)
SELECT {lift}, COUNT(*) AS records, SUM(c.amount) AS total
FROM changed AS d {hands} {differing}
UNION ALL
SELECT {lift}, 0 - COUNT(*) AS records, 0 - SUM(c.amount) AS total
FROM fell_whole AS d {hands} AND c.furthest_after <> 'won' {differing}
UNION ALL
SELECT {lift}, 0 - COUNT(*) AS records, 0 - SUM(c.amount) AS total
FROM fell AS d {hands} AND c.seq = d.seq AND c.furthest_after = 'won' {differing}
