-- From schema version 2 to 3: a storefront's deals and leads, and what belongs together, are found fast.
CREATE INDEX deal_from ON deal (lead_source, id);
CREATE INDEX deal_lead ON deal (lead, id);
CREATE INDEX lead_from ON lead (lead_source, id);
CREATE INDEX lead_deal ON lead (deal, id);
