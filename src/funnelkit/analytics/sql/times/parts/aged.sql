SELECT grp, stage, went, age, SUM(ended) AS ended_count, SUM(running) AS running_count,
  SUM(CASE WHEN ended = 1 THEN age - lasted_us ELSE 0 END) AS over_us
FROM (SELECT grp, stage, {way} AS went, ended, running, lasted_us, {age} AS age FROM lasting) AS counted
GROUP BY grp, stage, went, age
