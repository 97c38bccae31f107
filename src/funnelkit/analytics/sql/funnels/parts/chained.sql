{choice} chained AS (
  SELECT record_id, low, high, grp, kept, currency, amount, mask,
    CASE WHEN LAG(high, 1, -1) OVER (PARTITION BY {counted} ORDER BY high) = low
      THEN LAG(kept, 1, 0) OVER (PARTITION BY {counted} ORDER BY high) ELSE 0 END AS kept_before,
    LAG(grp, 1, '') OVER (PARTITION BY {counted} ORDER BY high) AS grp_before,
    MAX(CASE WHEN low < 1 THEN kept ELSE 0 END) OVER (PARTITION BY {counted} ORDER BY high
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS kept_first,
    MAX(CASE WHEN low < 1 THEN grp ELSE '' END) OVER (PARTITION BY {counted} ORDER BY high
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS grp_first{worth_before}
  FROM {chosen}
)
