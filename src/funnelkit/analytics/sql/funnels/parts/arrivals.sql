-- Every record of the pipeline, by the row with which it came there.
arrivals AS (
  SELECT record_id, grp, kept, ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY seq) AS nth FROM known
),
everyone AS (
  SELECT record_id, grp FROM arrivals WHERE nth = 1 AND kept = 1
)
