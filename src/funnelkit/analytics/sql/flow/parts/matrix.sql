SELECT grp, source_pipeline, source, pipeline, target, SUM(times) AS moves, COUNT(*) AS records
FROM pairs
GROUP BY grp, source_pipeline, source, pipeline, target
