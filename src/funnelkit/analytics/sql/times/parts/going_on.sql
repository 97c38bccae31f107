SELECT record_id, stage, :as_of - moved_us AS lasted_us, 0 AS ended, 1 AS running, grp,
  '' AS went
FROM state
WHERE status = 'open'
