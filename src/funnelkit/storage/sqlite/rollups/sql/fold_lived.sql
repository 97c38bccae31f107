-- What touched records add to the sums of each kind.
WITH {rows},
fact AS (
{facts}
)
SELECT +kind, +pipeline, +a, +b, +c, +d, +currency, +owner, +source, +records, +total,
  (SELECT d.day FROM funnelkit_rollup_day AS d WHERE d.start_us <= fact.at_us ORDER BY d.start_us DESC LIMIT 1)
FROM fact
