-- From schema version 4 to 5: moves lie in an index by record with all that metrics read, stays in one by how
-- long they lasted, and closings and reopenings say in theirs how far the record had come.
-- What metrics read of a record's moves, one after the other, without the way to each row.
CREATE INDEX move_history ON move (record_id, seq, moved_us, pipeline, source_pipeline, source, target, direction,
    since_us, created_us, first_visit, furthest_before, furthest_after, owner, lead_source, repeat_kind, campaign,
    currency, amount);
-- Stays on a stage in the order of how long they lasted.
CREATE INDEX move_stay ON move (source_pipeline, source, moved_us - since_us, moved_us, created_us) WHERE source <> '';
-- Who is void is asked over all pipelines, so the target comes first.
DROP INDEX move_close;
CREATE INDEX move_close ON move (target, pipeline, moved_us, record_id, seq, furthest_before, created_us)
    WHERE direction = 'close';
DROP INDEX move_reopen;
CREATE INDEX move_reopen ON move (record_id, seq, moved_us, source, pipeline, furthest_before, since_us, created_us)
    WHERE direction = 'reopen';
