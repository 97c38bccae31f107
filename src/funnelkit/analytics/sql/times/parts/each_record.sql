-- All stays of a record on a stage put together; it goes on while the record is there.
lasting AS (
  SELECT record_id, stage, grp, '' AS went, 1 - MAX(running) AS ended, MAX(running) AS running,
    SUM(lasted_us) AS lasted_us
  FROM stay
  GROUP BY record_id, stage, grp
)
