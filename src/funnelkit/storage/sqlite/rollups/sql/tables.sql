-- Roll-ups: sums over the ledger as it stood up to a move and an attribute, made when they are asked for.
CREATE TABLE funnelkit_rollup (     -- one row
    made TEXT NOT NULL,             -- another one each time they are made
    zone TEXT NOT NULL,             -- of the days
    moves INTEGER NOT NULL,         -- position of the last move that is in the sums
    fields INTEGER NOT NULL,        -- position of the last attribute that is
    newest_us INTEGER NOT NULL      -- the latest instant among them
);
-- When each day begins. Days are numbered from 1970-01-01 on, as the zone's calendar has them.
CREATE TABLE funnelkit_rollup_day (
    start_us INTEGER PRIMARY KEY,
    day INTEGER NOT NULL
);
-- Whose a sum is: of one owner, one source, one owner and one source; NULL is all of them.
CREATE TABLE funnelkit_rollup_group (
    id INTEGER PRIMARY KEY,
    owner TEXT,
    source TEXT
);
CREATE INDEX funnelkit_rollup_group_of ON funnelkit_rollup_group (owner, source);
-- What is summed. The number says its kind, too: see `numbers`.
CREATE TABLE funnelkit_rollup_what (
    id INTEGER PRIMARY KEY,
    pipeline TEXT NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    c TEXT NOT NULL,
    d TEXT NOT NULL,
    currency TEXT NOT NULL
);
-- The sums. The number of a cell is put together of group, span and what: see `numbers`.
CREATE TABLE funnelkit_rollup_cell (
    cell INTEGER PRIMARY KEY,
    records INTEGER NOT NULL,
    total INTEGER NOT NULL
);
