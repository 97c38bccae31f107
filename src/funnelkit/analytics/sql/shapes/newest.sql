-- The place in the ledger of the last move in a pipeline.
SELECT COALESCE(MAX(position), 0) AS newest FROM move WHERE pipeline = :pipeline
