-- The tables of a store in PostgreSQL: those of SQLite's schema.sql with PostgreSQL's types, and three
-- things more: the version of the schema, the end of the change feed, and changes that are written
-- first and numbered when they are read. Schema version 3.
-- Text is compared sign by sign, as everywhere else, whatever the language of the database.

CREATE TABLE funnelkit_schema (
    version BIGINT PRIMARY KEY      -- one row: the schema version
);
INSERT INTO funnelkit_schema VALUES (3);

CREATE TABLE deal (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    pipeline TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    visited TEXT COLLATE "C" NOT NULL,          -- stages and outcomes by first visit, separated by spaces
    moves BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    probability DOUBLE PRECISION,
    expected_close TEXT COLLATE "C" NOT NULL,   -- ISO date or ''
    lead_source TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    created_us BIGINT NOT NULL,
    entered_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,          -- '' while open
    close_reason TEXT COLLATE "C" NOT NULL,
    close_reason_text TEXT COLLATE "C" NOT NULL,
    close_note TEXT COLLATE "C" NOT NULL,
    closed_us BIGINT,
    closed_by TEXT COLLATE "C" NOT NULL,
    custom TEXT COLLATE "C" NOT NULL,           -- JSON object
    contact TEXT COLLATE "C" NOT NULL,
    company TEXT COLLATE "C" NOT NULL,
    lead TEXT COLLATE "C" NOT NULL,
    seal TEXT COLLATE "C" NOT NULL DEFAULT '',  -- of the last move; '' where moves are not sealed
    repeat_kind TEXT COLLATE "C" NOT NULL DEFAULT '',   -- 'deal' or 'inquiry' of a client who came again, else ''
    replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '',   -- the record that stands for it; '' while it stands for itself
    absorbed TEXT COLLATE "C" NOT NULL DEFAULT ''       -- JSON list of the records that were merged into it, or ''
);
CREATE INDEX deal_board ON deal (pipeline, outcome, stage);
CREATE INDEX deal_owner ON deal (owner, id);
CREATE INDEX deal_load ON deal (owner, outcome, created_us);
CREATE INDEX deal_contact ON deal (contact, id);
CREATE INDEX deal_company ON deal (company, id);
CREATE INDEX deal_from ON deal (lead_source, id);
CREATE INDEX deal_lead ON deal (lead, id);

CREATE TABLE lead (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    pipeline TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    visited TEXT COLLATE "C" NOT NULL,
    moves BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    probability DOUBLE PRECISION,
    expected_close TEXT COLLATE "C" NOT NULL,
    lead_source TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    created_us BIGINT NOT NULL,
    entered_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    close_reason TEXT COLLATE "C" NOT NULL,
    close_reason_text TEXT COLLATE "C" NOT NULL,
    close_note TEXT COLLATE "C" NOT NULL,
    closed_us BIGINT,
    closed_by TEXT COLLATE "C" NOT NULL,
    custom TEXT COLLATE "C" NOT NULL,
    company_name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C" NOT NULL,
    contact TEXT COLLATE "C" NOT NULL,
    company TEXT COLLATE "C" NOT NULL,
    deal TEXT COLLATE "C" NOT NULL,
    seal TEXT COLLATE "C" NOT NULL DEFAULT '',
    repeat_kind TEXT COLLATE "C" NOT NULL DEFAULT '',
    replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    absorbed TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX lead_board ON lead (pipeline, outcome, stage);
CREATE INDEX lead_owner ON lead (owner, id);
CREATE INDEX lead_load ON lead (owner, outcome, created_us);
CREATE INDEX lead_contact ON lead (contact, id);
CREATE INDEX lead_company ON lead (company, id);
CREATE INDEX lead_from ON lead (lead_source, id);
CREATE INDEX lead_deal ON lead (deal, id);

CREATE TABLE contact (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    lead_source TEXT COLLATE "C" NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    custom TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C" NOT NULL,
    company TEXT COLLATE "C" NOT NULL,
    replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    absorbed TEXT COLLATE "C" NOT NULL DEFAULT '',
    contact_role TEXT COLLATE "C" NOT NULL DEFAULT ''    -- what they are in the company
);
CREATE INDEX contact_company ON contact (company, id);
CREATE INDEX contact_owner ON contact (owner, id);
CREATE INDEX contact_from ON contact (lead_source, id);

CREATE TABLE company (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    lead_source TEXT COLLATE "C" NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    custom TEXT COLLATE "C" NOT NULL,
    replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '',
    absorbed TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX company_owner ON company (owner, id);
CREATE INDEX company_from ON company (lead_source, id);

CREATE TABLE activity (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    record_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    pipeline TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    done_us BIGINT NOT NULL,
    done_by TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,            -- JSON list of the roles of done_by at the time
    custom TEXT COLLATE "C" NOT NULL
);
CREATE INDEX activity_of ON activity (record_id, done_us);

-- The ledger: one append-only row a move, carrying the facts that analytics needs.
CREATE TABLE move (
    position BIGSERIAL PRIMARY KEY,   -- order of writing over all records
    record_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,           -- 1, 2, 3, ... within the record
    pipeline TEXT COLLATE "C" NOT NULL,
    source_pipeline TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    moved_us BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,           -- stage or outcome; '' for create
    target TEXT COLLATE "C" NOT NULL,           -- stage or outcome
    direction TEXT COLLATE "C" NOT NULL,        -- create forward skip back close reopen transfer
    since_us BIGINT,               -- when source was entered; NULL for create
    first_visit BIGINT NOT NULL,   -- 1: the record is on target for the first time
    furthest_before TEXT COLLATE "C" NOT NULL,  -- stage of pipeline; '' before the first
    furthest_after TEXT COLLATE "C" NOT NULL,   -- stage of pipeline, or 'won' for a win
    created_us BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    reason_text TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    overruled TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    probability DOUBLE PRECISION,
    lead_source TEXT COLLATE "C" NOT NULL,
    campaign TEXT COLLATE "C" NOT NULL,
    act_key TEXT COLLATE "C" NOT NULL,
    seal TEXT COLLATE "C" NOT NULL DEFAULT '',  -- digest over this row and the seal before it; '' where not sealed
    repeat_kind TEXT COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (record_id, seq)
);
-- The reached funnel reads only the rows that lifted a record further.
CREATE INDEX move_lift ON move (pipeline, furthest_before, furthest_after, currency, moved_us, created_us, amount)
    WHERE furthest_before <> furthest_after;
-- Who is void is asked over all pipelines, so the target comes first.
CREATE INDEX move_close ON move (target, pipeline, moved_us, record_id, seq) WHERE direction = 'close';
CREATE INDEX move_reopen ON move (record_id, seq, moved_us, source) WHERE direction = 'reopen';

-- Values that changed outside of moves: one row a field a change, from that instant on.
-- Custom fields are here from creation; owner, source, campaign and value only once they are edited.
CREATE TABLE attribute (
    position BIGSERIAL PRIMARY KEY,
    record_id TEXT COLLATE "C" NOT NULL,
    field_name TEXT COLLATE "C" NOT NULL,       -- 'owner', 'source', 'campaign', 'value', 'custom.<name>'
    field_value TEXT COLLATE "C" NOT NULL,      -- JSON text for custom fields; the currency for 'value'
    amount BIGINT NOT NULL,        -- minor units for 'value', else 0
    since_us BIGINT NOT NULL
);
CREATE INDEX attribute_of ON attribute (field_name, record_id);
CREATE INDEX attribute_record ON attribute (record_id);

-- Changes get their position in the feed when the feed is read, never before they are committed:
-- numbers given by the writers would become visible out of order, and a reader would step over some.
CREATE TABLE change (
    id BIGSERIAL PRIMARY KEY,
    position BIGINT UNIQUE,         -- NULL until the feed is read; NULLs stand at the end of the index
    change_type TEXT COLLATE "C" NOT NULL,
    record_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    happened_us BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL  -- JSON object of the change's own fields
);
CREATE INDEX change_of ON change (record_id);

-- Whoever numbers changes holds the one row of this table; writers never touch it.
CREATE TABLE feed (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    last BIGINT NOT NULL            -- the position that was given last
);
INSERT INTO feed VALUES (1, 0);

CREATE TABLE idempotency (
    act_key TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    request TEXT COLLATE "C" NOT NULL,          -- digest of what was asked
    answer TEXT COLLATE "C" NOT NULL            -- JSON: what the verb returned
);

-- Every definition that a move was ever made under.
CREATE TABLE definition (
    fingerprint TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    pipeline TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL          -- JSON
);

-- What duplicates are found by: the normalised addresses, numbers and names a record ever had.
CREATE TABLE match_key (
    match_key TEXT COLLATE "C" NOT NULL,        -- 'email:ada@example.org'
    kind TEXT COLLATE "C" NOT NULL,             -- lead, contact or company
    record_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (match_key, kind, record_id)
);
CREATE INDEX match_key_of ON match_key (record_id);
