m.source_pipeline = :pipeline AND m.source = :stage AND m.source <> ''
