-- From schema version 4 to 5: stays have an index, and what becomes void or is reopened says in its own how far it had come.
-- Stays on a stage in the order of how long they lasted.
CREATE INDEX move_stay ON move (source_pipeline, source, moved_us - since_us, moved_us, created_us) WHERE source <> '';
-- Who is void is asked over all pipelines, so the target comes first.
DROP INDEX move_close;
CREATE INDEX move_close ON move (target, pipeline, moved_us, record_id, seq, furthest_before, created_us)
    WHERE direction = 'close';
DROP INDEX move_reopen;
CREATE INDEX move_reopen ON move (record_id, seq, moved_us, source, pipeline, furthest_before, since_us, created_us)
    WHERE direction = 'reopen';
