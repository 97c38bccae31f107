,
    LAG(since_us, 1, 0) OVER (PARTITION BY {units} ORDER BY {sorting}) AS since_us
