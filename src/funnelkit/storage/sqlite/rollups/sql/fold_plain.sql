-- The rows that speak for themselves, with the days of creation and of the move.
WITH {rows}
SELECT +pipeline, +source_pipeline, +source, +target, +direction, +furthest_before, +furthest_after, +currency,
  +owner, +lead_source, +amount,
  (SELECT d.day FROM funnelkit_rollup_day AS d WHERE d.start_us <= m.created_us ORDER BY d.start_us DESC LIMIT 1),
  CASE WHEN direction = 'close' THEN (
    SELECT d.day FROM funnelkit_rollup_day AS d WHERE d.start_us <= m.moved_us ORDER BY d.start_us DESC LIMIT 1
  ) ELSE 0 END
FROM plain AS m
