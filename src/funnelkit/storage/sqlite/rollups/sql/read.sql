-- What things are called (1), the sums (2) and the tail (3); and which roll-ups these are, and the latest
-- instant that is known (0).
WITH {rows},
fact AS (
{facts}
)
SELECT 0 AS sort, made AS grp, '' AS told, newest_us AS records, MAX(
  (SELECT COALESCE(MAX(moved_us), 0) FROM move NOT INDEXED WHERE position > moves),
  (SELECT COALESCE(MAX(since_us), 0) FROM attribute NOT INDEXED WHERE position > fields)
) AS total
FROM funnelkit_rollup
UNION ALL
SELECT 1, '', {told}, id, 0
FROM funnelkit_rollup_what
WHERE pipeline = :pipeline AND id >= {first} AND id < {behind}
UNION ALL
{cells}
UNION ALL
SELECT 3, grp, {told}, records, total
FROM (
  SELECT {fact_key} AS grp, a, b, c, d, currency, SUM(records) AS records, SUM(total) AS total
  FROM fact
  WHERE pipeline = :pipeline {of_fact}
  GROUP BY grp, b, d, a, c, currency
) AS some
