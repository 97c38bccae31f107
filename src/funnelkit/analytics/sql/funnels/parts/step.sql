-- One more step of an ordered funnel, with the latest start from which it was done. A row that did the
-- step before, a row that may do this one and a row that ends attempts meet in one line: who may do the
-- step does it when the row before did the step before. (All attempts that wait there move on with it,
-- so the latest of them speaks for all.) Of one row the turn that may comes first: one row, one step.
pair_{n} AS (
  SELECT record_id, unit, seq, moved_us, began{since_did}, {did} AS turn FROM step_{before}
  UNION ALL
  SELECT record_id, unit, seq, moved_us, 0 AS began{since_none}, {may} AS turn FROM known
  WHERE target = :step_{n}
  {bans}
),
turn_{n} AS (
  SELECT record_id, unit, seq, moved_us, turn,
    LAG(began, 1, 0) OVER (PARTITION BY {units} ORDER BY {sorting}) AS began{since_lag}
  FROM pair_{n}
),
step_{n} AS (
  SELECT record_id, unit, seq, moved_us, began{since_step}
  FROM turn_{n}
  WHERE turn = {may} AND began > 0 AND moved_us + 1 - began <= :within
)
