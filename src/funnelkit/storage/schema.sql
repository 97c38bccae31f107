-- The tables of a store in SQLite. Schema version 5. (PostgreSQL has the same in a text of its own.)
-- Instants end in _us: microseconds since 1970-01-01 UTC. Money is whole minor units beside a
-- currency; 'no value' is currency ''. Absent text is ''. Only facts that can truly be unknown are NULL.
-- New files are made from this text; older ones come here step by step, through migrations/.

CREATE TABLE deal (
    id TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    pipeline TEXT NOT NULL,
    stage TEXT NOT NULL,
    visited TEXT NOT NULL,          -- stages and outcomes by first visit, separated by spaces
    moves INTEGER NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    probability REAL,
    expected_close TEXT NOT NULL,   -- ISO date or ''
    lead_source TEXT NOT NULL,
    campaign TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    entered_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    outcome TEXT NOT NULL,          -- '' while open
    close_reason TEXT NOT NULL,
    close_reason_text TEXT NOT NULL,
    close_note TEXT NOT NULL,
    closed_us INTEGER,
    closed_by TEXT NOT NULL,
    custom TEXT NOT NULL,           -- JSON object
    contact TEXT NOT NULL,
    company TEXT NOT NULL,
    lead TEXT NOT NULL,
    seal TEXT NOT NULL DEFAULT '',  -- of the last move; '' where moves are not sealed
    repeat_kind TEXT NOT NULL DEFAULT '',   -- 'deal' or 'inquiry' of a client who came again, else ''
    replaced_by TEXT NOT NULL DEFAULT '',   -- the record that stands for it; '' while it stands for itself
    absorbed TEXT NOT NULL DEFAULT ''       -- JSON list of the records that were merged into it, or ''
) WITHOUT ROWID;
CREATE INDEX deal_board ON deal (pipeline, outcome, stage);
CREATE INDEX deal_owner ON deal (owner, id);
CREATE INDEX deal_load ON deal (owner, outcome, created_us);
CREATE INDEX deal_contact ON deal (contact, id);
CREATE INDEX deal_company ON deal (company, id);
CREATE INDEX deal_from ON deal (lead_source, id);
CREATE INDEX deal_lead ON deal (lead, id);

CREATE TABLE lead (
    id TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    pipeline TEXT NOT NULL,
    stage TEXT NOT NULL,
    visited TEXT NOT NULL,
    moves INTEGER NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    probability REAL,
    expected_close TEXT NOT NULL,
    lead_source TEXT NOT NULL,
    campaign TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    entered_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    close_reason TEXT NOT NULL,
    close_reason_text TEXT NOT NULL,
    close_note TEXT NOT NULL,
    closed_us INTEGER,
    closed_by TEXT NOT NULL,
    custom TEXT NOT NULL,
    company_name TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT NOT NULL,
    contact TEXT NOT NULL,
    company TEXT NOT NULL,
    deal TEXT NOT NULL,
    seal TEXT NOT NULL DEFAULT '',
    repeat_kind TEXT NOT NULL DEFAULT '',
    replaced_by TEXT NOT NULL DEFAULT '',
    absorbed TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX lead_board ON lead (pipeline, outcome, stage);
CREATE INDEX lead_owner ON lead (owner, id);
CREATE INDEX lead_load ON lead (owner, outcome, created_us);
CREATE INDEX lead_contact ON lead (contact, id);
CREATE INDEX lead_company ON lead (company, id);
CREATE INDEX lead_from ON lead (lead_source, id);
CREATE INDEX lead_deal ON lead (deal, id);

CREATE TABLE contact (
    id TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    lead_source TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    custom TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT NOT NULL,
    company TEXT NOT NULL,
    replaced_by TEXT NOT NULL DEFAULT '',
    absorbed TEXT NOT NULL DEFAULT '',
    contact_role TEXT NOT NULL DEFAULT ''    -- what they are in the company
) WITHOUT ROWID;
CREATE INDEX contact_company ON contact (company, id);
CREATE INDEX contact_owner ON contact (owner, id);
CREATE INDEX contact_from ON contact (lead_source, id);

CREATE TABLE company (
    id TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    lead_source TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    custom TEXT NOT NULL,
    replaced_by TEXT NOT NULL DEFAULT '',
    absorbed TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX company_owner ON company (owner, id);
CREATE INDEX company_from ON company (lead_source, id);

CREATE TABLE activity (
    id TEXT PRIMARY KEY NOT NULL,
    record_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    stage TEXT NOT NULL,
    step TEXT NOT NULL,
    done_us INTEGER NOT NULL,
    done_by TEXT NOT NULL,
    roles TEXT NOT NULL,            -- JSON list of the roles of done_by at the time
    custom TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX activity_of ON activity (record_id, done_us);

-- The ledger: one append-only row a move, carrying the facts that analytics needs.
CREATE TABLE move (
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
    repeat_kind TEXT NOT NULL DEFAULT '',
    UNIQUE (record_id, seq)
);
-- What metrics read of a record's moves, one after the other, without the way to each row.
CREATE INDEX move_history ON move (record_id, seq, moved_us, pipeline, source_pipeline, source, target, direction,
    since_us, created_us, first_visit, furthest_before, furthest_after, owner, lead_source, repeat_kind, campaign,
    currency, amount);
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

-- Values that changed outside of moves: one row a field a change, from that instant on.
-- Custom fields are here from creation; owner, source, campaign and value only once they are edited.
CREATE TABLE attribute (
    position INTEGER PRIMARY KEY,
    record_id TEXT NOT NULL,
    field_name TEXT NOT NULL,       -- 'owner', 'source', 'campaign', 'value', 'custom.<name>'
    field_value TEXT NOT NULL,      -- JSON text for custom fields; the currency for 'value'
    amount INTEGER NOT NULL,        -- minor units for 'value', else 0
    since_us INTEGER NOT NULL
);
CREATE INDEX attribute_of ON attribute (field_name, record_id);
CREATE INDEX attribute_record ON attribute (record_id);

CREATE TABLE change (
    position INTEGER PRIMARY KEY,
    change_type TEXT NOT NULL,
    record_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    happened_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    body TEXT NOT NULL              -- JSON object of the change's own fields
);
CREATE INDEX change_of ON change (record_id);

CREATE TABLE idempotency (
    act_key TEXT PRIMARY KEY NOT NULL,
    request TEXT NOT NULL,          -- digest of what was asked
    answer TEXT NOT NULL            -- JSON: what the verb returned
) WITHOUT ROWID;

-- Every definition that a move was ever made under.
CREATE TABLE definition (
    fingerprint TEXT PRIMARY KEY NOT NULL,
    pipeline TEXT NOT NULL,
    document TEXT NOT NULL          -- JSON
) WITHOUT ROWID;

-- What duplicates are found by: the normalised addresses, numbers and names a record ever had.
CREATE TABLE match_key (
    match_key TEXT NOT NULL,        -- 'email:ada@example.org'
    kind TEXT NOT NULL,             -- lead, contact or company
    record_id TEXT NOT NULL,
    PRIMARY KEY (match_key, kind, record_id)
) WITHOUT ROWID;
CREATE INDEX match_key_of ON match_key (record_id);
