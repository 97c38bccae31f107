WHEN g.whole_us >= k.age_{m} THEN k.age_{m}
