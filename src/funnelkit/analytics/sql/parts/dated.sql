-- The value that a custom field had when each row was written. (Numbers below zero: row numbers of
-- some engines have no sign, and would not mix with others.)
{name}_history AS (
  SELECT record_id, field_value, since_us,
    0 - ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY since_us, position) AS nth
  FROM attribute
  WHERE field_name = :{name}_field AND since_us <= :as_of
),
{name}_line AS (
  SELECT record_id, nth, 0 AS seq, since_us AS turn_us, 0 AS turn FROM {name}_history
  UNION ALL
  SELECT record_id, 0 AS nth, seq, moved_us AS turn_us, 1 AS turn
  FROM move
  WHERE pipeline = :pipeline AND moved_us <= :as_of
),
{name}_then AS (
  SELECT record_id, seq, turn, MIN(nth) OVER (PARTITION BY record_id ORDER BY turn_us, turn, seq
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS nth
  FROM {name}_line
),
{name} AS (
  SELECT t.record_id AS record_id, t.seq AS seq, COALESCE(h.field_value, 'null') AS field_value
  FROM {name}_then AS t
  LEFT JOIN {name}_history AS h ON h.record_id = t.record_id AND h.nth = t.nth
  WHERE t.turn = 1
),
