-- One more step of an ordered funnel: the latest start from which it was done inside the window.
-- A row that did the step before (turn 1) and a row that may do this one (turn 0) meet in order of
-- writing; of one row the turn that may comes first, for one row does one step only.
pair_{n} AS (
  SELECT record_id, seq, moved_us, began, 1 AS turn FROM step_{before}
  UNION ALL
  SELECT record_id, seq, moved_us, 0 AS began, 0 AS turn FROM known WHERE target = :step_{n}
),
chance_{n} AS (
  SELECT record_id, seq, moved_us, turn,
    COALESCE(MAX(began) OVER (PARTITION BY record_id ORDER BY seq, turn
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), 0) AS start_us
  FROM pair_{n}
),
step_{n} AS (
  SELECT record_id, seq, moved_us, start_us AS began
  FROM chance_{n}
  WHERE turn = 0 AND start_us > 0 AND moved_us + 1 - start_us <= :within
)
