-- Stays on one stage, counted by how long they lasted, from the index that keeps them in that order: each step
-- leaps to the shortest stay beyond the last bin. (Not portable: only sources that keep stays sorted are asked.)
WITH RECURSIVE bin AS (
  SELECT (SELECT MIN(m.moved_us - m.since_us) FROM move AS m
    WHERE {on_stage} AND m.moved_us - m.since_us > :above) AS least_us
  UNION ALL
  SELECT (SELECT MIN(m.moved_us - m.since_us) FROM move AS m
    WHERE {on_stage} AND m.moved_us - m.since_us > least_us + {width})
  FROM bin
  WHERE least_us <= :upto
)
SELECT least_us,
  (SELECT MAX(m.moved_us - m.since_us) FROM move AS m WHERE {on_stage}
    AND m.moved_us - m.since_us >= least_us AND m.moved_us - m.since_us <= least_us + {width}) AS most_us,
  (SELECT COUNT(*) FROM move AS m WHERE {on_stage}
    AND m.moved_us - m.since_us >= least_us AND m.moved_us - m.since_us <= least_us + {width}
    AND m.moved_us <= :as_of {born}) AS stays
FROM bin
WHERE least_us <= :upto
