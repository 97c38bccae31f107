-- The first and the last instant at which a record of the pipeline came into being.
SELECT COALESCE(MIN(created_us), -1) AS first_us, COALESCE(MAX(created_us), -1) AS last_us
FROM move
WHERE pipeline = :pipeline AND moved_us <= :as_of
  AND created_us >= :created_from AND created_us < :created_to
