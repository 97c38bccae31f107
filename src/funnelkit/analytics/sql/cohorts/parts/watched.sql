SUM(CASE WHEN watched_us >= :horizon_{n} THEN 1 ELSE 0 END) AS watched_{n}
