-- All credits of a record stand under every value that one of them has.
touches AS (
  SELECT record_id, unit, grp, MAX(kept) AS kept FROM {touching} GROUP BY record_id, unit, grp
),
touched AS (
  SELECT c.record_id AS record_id, c.unit AS unit, c.low AS low, c.high AS high, c.seq AS seq,
    c.moved_us AS moved_us, t.grp AS grp, t.kept AS kept, c.currency AS currency, c.amount AS amount,
    c.mask AS mask
  FROM {touching} AS c
  JOIN touches AS t ON t.record_id = c.record_id AND t.unit = c.unit
),
