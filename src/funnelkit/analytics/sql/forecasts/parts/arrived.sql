-- When each record came into the pipeline.
arrived AS (
  SELECT record_id, MIN(moved_us) AS arrived_us, MIN(seq) AS seq_in
  FROM move
  WHERE pipeline = :pipeline AND moved_us <= :as_of
  GROUP BY record_id
)
