-- Closings that were taken back, and records that are void, as of then. (Grouped for the same reason
-- as the values of fields: else SQLite takes the void ones for a handful.)
reopened AS (
  SELECT record_id, seq, source AS reopened_from FROM move WHERE direction = 'reopen' AND moved_us <= :as_of
),
voided AS (
  SELECT c.record_id AS void_id, c.pipeline AS void_in, MAX(c.seq) AS void_seq
  FROM move AS c
  LEFT JOIN reopened AS r ON r.record_id = c.record_id AND r.seq = c.seq + 1
  WHERE c.direction = 'close' AND c.target = 'void' AND c.moved_us <= :as_of AND COALESCE(r.seq, 0) = 0
  GROUP BY c.record_id, c.pipeline
)
