-- Stays on one stage by bins of how long they lasted, from the index that keeps them in that order: each step
-- leaps to the shortest stay beyond the last bin. (Not portable: only sources that keep stays sorted are asked.)
WITH RECURSIVE bin AS (
  SELECT (SELECT MIN(m.moved_us - m.since_us) FROM move AS m
    WHERE {on_stage} AND m.moved_us - m.since_us > :above) AS lasted_us
  UNION ALL
  SELECT (SELECT MIN(m.moved_us - m.since_us) FROM move AS m
    WHERE {on_stage} AND m.moved_us - m.since_us > {upto})
  FROM bin
  WHERE lasted_us <= :most
)
SELECT lasted_us,
  (SELECT MAX(m.moved_us - m.since_us) FROM move AS m
    WHERE {on_stage} AND m.moved_us - m.since_us >= lasted_us AND m.moved_us - m.since_us <= {upto}) AS longest_us,
  {upto} AS upto_us,
  (SELECT {measure} FROM move AS m
    WHERE {on_stage} AND m.moved_us - m.since_us >= lasted_us AND m.moved_us - m.since_us <= {upto}
      AND m.moved_us <= :as_of {born}) AS measured
FROM bin
WHERE lasted_us <= :most
