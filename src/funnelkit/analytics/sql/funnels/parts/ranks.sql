, ranked AS (
  SELECT grp, lasted_us, ROW_NUMBER() OVER (PARTITION BY grp ORDER BY lasted_us) AS nth,
    COUNT(*) OVER (PARTITION BY grp ORDER BY lasted_us
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS total
  FROM converted
)
SELECT grp, lasted_us, nth, total FROM ranked WHERE {wanted}
