CASE WHEN last_{n} > 0 AND moved_us + 1 - last_{n} <= :within THEN 1 ELSE 0 END
