-- From schema version 1 to 2: seals on moves and records; the field values of one record are found fast.
ALTER TABLE deal ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE lead ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE move ADD COLUMN seal TEXT NOT NULL DEFAULT '';
CREATE INDEX attribute_record ON attribute (record_id);
