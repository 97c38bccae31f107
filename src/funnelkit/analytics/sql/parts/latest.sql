-- The last row of each record that has to do with the pipeline, as of then.
latest AS (
  SELECT record_id, MAX(seq) AS seq_last
  FROM move
  WHERE (pipeline = :pipeline OR source_pipeline = :pipeline) AND moved_us <= {until}
    AND created_us >= :created_from AND created_us < :created_to
  GROUP BY record_id
)
