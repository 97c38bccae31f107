-- The first move from pipeline to pipeline, or 0.
SELECT COALESCE(MIN(position), 0) AS position FROM move WHERE direction = 'transfer'
