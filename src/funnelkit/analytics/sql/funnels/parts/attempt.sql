-- One more step of every attempt: the next row that may do it, unless the window or an excluded stage
-- comes first. (Places are below zero: row numbers of some engines have no sign, and would not mix.)
line_{n} AS (
  SELECT record_id, unit, begun, start_us, seq, moved_us, {did} AS turn FROM attempt_{before}
  UNION ALL
  SELECT record_id, unit, 0 AS begun, 0 AS start_us, seq, moved_us, {may} AS turn
  FROM known
  WHERE target = :step_{n}
  {bans}
),
placed_{n} AS (
  SELECT record_id, unit, begun, start_us, seq, moved_us, turn,
    0 - ROW_NUMBER() OVER (PARTITION BY {units} ORDER BY {sorting}, begun) AS place
  FROM line_{n}
),
ahead_{n} AS (
  SELECT record_id, unit, begun, start_us, turn,
    MAX(CASE WHEN turn = {did} THEN 0 - :never ELSE place END) OVER (PARTITION BY {units} ORDER BY place DESC
      ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_place
  FROM placed_{n}
),
met_{n} AS (
  SELECT a.record_id AS record_id, a.unit AS unit, a.begun AS begun, a.start_us AS start_us,
    p.seq AS seq, p.moved_us AS moved_us, p.turn AS turn
  FROM ahead_{n} AS a
  JOIN placed_{n} AS p ON p.record_id = a.record_id AND p.unit = a.unit AND p.place = a.next_place
  WHERE a.turn = {did} AND p.moved_us - a.start_us <= :within
),
attempt_{n} AS (
  SELECT record_id, unit, begun, start_us, seq, moved_us FROM met_{n} WHERE turn = {may}
)
