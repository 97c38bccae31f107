-- From schema version 2 to 3: what belongs together is found fast, and sources and campaigns have dates.
CREATE INDEX deal_from ON deal (lead_source, id);
CREATE INDEX deal_lead ON deal (lead, id);
CREATE INDEX lead_from ON lead (lead_source, id);
CREATE INDEX lead_deal ON lead (deal, id);
CREATE INDEX contact_from ON contact (lead_source, id);
CREATE INDEX company_from ON company (lead_source, id);
-- Edits of source and campaign are dated from now on; earlier ones show in the moves after them.
INSERT INTO attribute (record_id, field_name, field_value, amount, since_us)
SELECT m.record_id, 'source', m.lead_source, 0, m.moved_us
FROM move AS m
JOIN move AS b ON b.record_id = m.record_id AND b.seq = m.seq - 1
WHERE b.lead_source <> m.lead_source
ORDER BY m.position;
INSERT INTO attribute (record_id, field_name, field_value, amount, since_us)
SELECT m.record_id, 'campaign', m.campaign, 0, m.moved_us
FROM move AS m
JOIN move AS b ON b.record_id = m.record_id AND b.seq = m.seq - 1
WHERE b.campaign <> m.campaign
ORDER BY m.position;
