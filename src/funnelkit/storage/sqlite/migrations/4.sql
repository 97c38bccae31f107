-- From schema version 3 to 4: what belongs together is found fast, and metrics scan indexes.
CREATE INDEX deal_from ON deal (lead_source, id);
CREATE INDEX deal_lead ON deal (lead, id);
CREATE INDEX lead_from ON lead (lead_source, id);
CREATE INDEX lead_deal ON lead (deal, id);
CREATE INDEX contact_from ON contact (lead_source, id);
CREATE INDEX company_from ON company (lead_source, id);
DROP INDEX move_lift;
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
