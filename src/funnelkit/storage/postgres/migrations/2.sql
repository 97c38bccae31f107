-- From schema version 1 to 2: clients who come again, merged records, keys to find duplicates by.
ALTER TABLE deal ADD COLUMN repeat_kind TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE deal ADD COLUMN replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE deal ADD COLUMN absorbed TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lead ADD COLUMN repeat_kind TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lead ADD COLUMN replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lead ADD COLUMN absorbed TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE contact ADD COLUMN replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE contact ADD COLUMN absorbed TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE contact ADD COLUMN contact_role TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE company ADD COLUMN replaced_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE company ADD COLUMN absorbed TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE move ADD COLUMN repeat_kind TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE TABLE match_key (
    match_key TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    record_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (match_key, kind, record_id)
);
CREATE INDEX match_key_of ON match_key (record_id);
CREATE INDEX deal_owner ON deal (owner, id);
CREATE INDEX deal_load ON deal (owner, outcome, created_us);
CREATE INDEX deal_contact ON deal (contact, id);
CREATE INDEX deal_company ON deal (company, id);
CREATE INDEX lead_owner ON lead (owner, id);
CREATE INDEX lead_load ON lead (owner, outcome, created_us);
CREATE INDEX lead_contact ON lead (contact, id);
CREATE INDEX lead_company ON lead (company, id);
CREATE INDEX contact_company ON contact (company, id);
CREATE INDEX contact_owner ON contact (owner, id);
CREATE INDEX company_owner ON company (owner, id);
