CASE WHEN g.lasted_us >= k.age_{m} THEN 1 ELSE 0 END
