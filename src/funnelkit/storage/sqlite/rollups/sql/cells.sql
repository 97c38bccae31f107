SELECT 2, {group_key}, c.cell % {whats}, c.records, c.total
FROM funnelkit_rollup_group AS g
CROSS JOIN (SELECT column1 AS low, column2 AS high FROM (VALUES {spans})) AS s
CROSS JOIN funnelkit_rollup_cell AS c
WHERE {of_group}
  AND c.cell >= (g.id * {of_spans} + s.low) * {whats} + {first}
  AND c.cell < (g.id * {of_spans} + s.high) * {whats} + {behind}
  AND c.cell % {whats} >= {first} AND c.cell % {whats} < {behind}
