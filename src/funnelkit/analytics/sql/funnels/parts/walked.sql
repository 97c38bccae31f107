begun AS (
  SELECT record_id, unit, seq, moved_us,
    ROW_NUMBER() OVER (PARTITION BY {units} ORDER BY seq) AS entry
  FROM known
  WHERE target = :step_1
),
step_1 AS (
  SELECT record_id, unit, seq, moved_us, moved_us + 1 AS began{since_first} FROM begun
  WHERE {anchor} {entered}
),
{steps}
