WITH {rows},
fact AS (
{facts}
),
kept AS (
  SELECT group_id, what, SUM(records) AS records, SUM(total) AS total
  FROM ({arms}) AS arm
  GROUP BY group_id, what
)
SELECT '' AS made, {group_key} AS grp, w.a, w.b, w.c, w.d, w.currency, k.records, k.total
FROM kept AS k
CROSS JOIN funnelkit_rollup_what AS w ON w.id = k.what
CROSS JOIN funnelkit_rollup_group AS g ON g.id = k.group_id
WHERE w.pipeline = :pipeline
UNION ALL
SELECT '', {fact_key} AS grp, a, b, c, d, currency, SUM(records), SUM(total)
FROM fact
WHERE pipeline = :pipeline {of_fact}
GROUP BY {fact_key}, a, b, c, d, currency
UNION ALL
SELECT made, '', '', '', '', '', '', newest_us, MAX(
  (SELECT COALESCE(MAX(moved_us), 0) FROM move NOT INDEXED WHERE position > moves),
  (SELECT COALESCE(MAX(since_us), 0) FROM attribute NOT INDEXED WHERE position > fields)
)
FROM funnelkit_rollup
