-- The first and the last instant at which a record of the pipeline was closed.
SELECT COALESCE(MIN(moved_us), -1) AS first_us, COALESCE(MAX(moved_us), -1) AS last_us
FROM move
WHERE pipeline = :pipeline AND direction = 'close' AND moved_us <= :as_of
  AND moved_us >= :closed_from AND moved_us < :closed_to
