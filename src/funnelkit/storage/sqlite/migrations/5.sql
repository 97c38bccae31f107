-- From schema version 4 to 5: moves lie in an index by record with all that metrics read, stays in one by how
-- long they lasted, and closings and reopenings say in theirs how far the record had come. The unique
-- constraint goes, and with it the index that it had, so the table is written anew.
CREATE TABLE move_new (
    position INTEGER PRIMARY KEY,   -- order of writing over all records
    record_id TEXT NOT NULL,
    seq INTEGER NOT NULL,           -- 1, 2, 3, … within the record
    pipeline TEXT NOT NULL,
    source_pipeline TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    moved_us INTEGER NOT NULL,
    source TEXT NOT NULL,           -- stage or outcome; '' for create
    target TEXT NOT NULL,           -- stage or outcome
    direction TEXT NOT NULL,        -- create forward skip back close reopen transfer
    since_us INTEGER,               -- when source was entered; NULL for create
    first_visit INTEGER NOT NULL,   -- 1: the record is on target for the first time
    furthest_before TEXT NOT NULL,  -- stage of pipeline; '' before the first
    furthest_after TEXT NOT NULL,   -- stage of pipeline, or 'won' for a win
    created_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    reason_text TEXT NOT NULL,
    note TEXT NOT NULL,
    overruled TEXT NOT NULL,
    owner TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    probability REAL,
    lead_source TEXT NOT NULL,
    campaign TEXT NOT NULL,
    act_key TEXT NOT NULL,
    seal TEXT NOT NULL DEFAULT '',  -- digest over this row and the seal before it; '' where not sealed
    repeat_kind TEXT NOT NULL DEFAULT ''
);

INSERT INTO move_new (position, record_id, seq, pipeline, source_pipeline, fingerprint, moved_us, source,
    target, direction, since_us, first_visit, furthest_before, furthest_after, created_us, actor,
    cause, reason, reason_text, note, overruled, owner, amount, currency,
    probability, lead_source, campaign, act_key, seal, repeat_kind)
SELECT position, record_id, seq, pipeline, source_pipeline, fingerprint, moved_us, source,
    target, direction, since_us, first_visit, furthest_before, furthest_after, created_us, actor,
    cause, reason, reason_text, note, overruled, owner, amount, currency,
    probability, lead_source, campaign, act_key, seal, repeat_kind
FROM move
ORDER BY position;
DROP TABLE move;
ALTER TABLE move_new RENAME TO move;
-- What metrics read of a record's moves, one after the other, without the way to each row. A constraint
-- would need an index of its own beside it, so a trigger sees that there is one move of each number.
CREATE INDEX move_history ON move (record_id, seq, moved_us, pipeline, source_pipeline, source, target, direction,
    since_us, created_us, first_visit, furthest_before, furthest_after, owner, lead_source, repeat_kind, campaign,
    currency, amount);
CREATE TRIGGER move_once BEFORE INSERT ON move
WHEN EXISTS (SELECT 1 FROM move WHERE record_id = NEW.record_id AND seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'UNIQUE constraint failed: move.record_id, move.seq');
END;
-- The reached funnel reads only the rows that lifted a record further: all in one order, for any group,
-- and those of one record, where it was handed over or became void.
CREATE INDEX move_lift ON move (pipeline, furthest_before, furthest_after, owner, lead_source, repeat_kind, campaign,
    currency, moved_us, created_us, amount) WHERE furthest_before <> furthest_after;
CREATE INDEX move_climb ON move (record_id, seq, pipeline, furthest_before, furthest_after, owner, lead_source,
    repeat_kind, campaign, moved_us, created_us) WHERE furthest_before <> furthest_after;
-- The transition matrix, for any group. (Every row has a target: the condition keeps the index to those
-- who ask for it, for whom it is all they need; others are faster in the order of writing.)
CREATE INDEX move_pair ON move (pipeline, source, target, owner, lead_source, repeat_kind, campaign, moved_us,
    created_us) WHERE target <> '';
CREATE INDEX move_transfer ON move (position) WHERE direction = 'transfer';
-- Stays on a stage in the order of how long they lasted.
CREATE INDEX move_stay ON move (source_pipeline, source, moved_us - since_us, moved_us, created_us) WHERE source <> '';
-- Who is void is asked over all pipelines, so the target comes first.
CREATE INDEX move_close ON move (target, pipeline, moved_us, record_id, seq, furthest_before, created_us)
    WHERE direction = 'close';
CREATE INDEX move_reopen ON move (record_id, seq, moved_us, source, pipeline, furthest_before, since_us, created_us)
    WHERE direction = 'reopen';
