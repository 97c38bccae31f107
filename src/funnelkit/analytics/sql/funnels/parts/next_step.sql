-- One more step of a strict funnel: the row right after one that stands on the step before. On a step
-- one may be put again and again; what counts is the first time, what starts the clock the latest start.
fresh_{n} AS (
  SELECT l.record_id AS record_id, l.unit AS unit, l.seq AS seq, l.moved_us AS moved_us, l.stretch AS stretch,
    CASE WHEN l.moved_us + 1 - COALESCE(s.began, 0) <= :within THEN COALESCE(s.began, 0) ELSE 0 END AS began
  FROM lined AS l
  LEFT JOIN step_{before} AS s ON s.record_id = l.record_id AND s.seq = l.seq_before
  WHERE l.target = :step_{n}
),
kept_up_{n} AS (
  SELECT record_id, unit, seq, moved_us, MAX(began) OVER (PARTITION BY {units}, stretch ORDER BY seq
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS began
  FROM fresh_{n}
),
step_{n} AS (
  SELECT record_id, unit, seq, moved_us, began FROM kept_up_{n} WHERE began > 0
)
