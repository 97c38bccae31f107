SELECT made,
  (SELECT COALESCE(MAX(position), 0) FROM move) - moves AS moves,
  (SELECT COUNT(*) FROM attribute NOT INDEXED
    WHERE position > fields AND field_name IN ('owner', 'source', 'value')) AS edits,
  (SELECT day FROM funnelkit_rollup_day WHERE start_us = :low) AS low,
  (SELECT day FROM funnelkit_rollup_day WHERE start_us = :high) AS high
FROM funnelkit_rollup
