-- The inquiries of clients, and which purchase each of them led to. A client is a company, else a
-- contact, else the deal. Inquiries are leads, and deals that began without one; those after one purchase
-- and up to the next lead to the next. Which client a record is of is known as of now only.
WITH {standing},
asked AS (
  SELECT id AS record_id, created_us, lead_source,
    COALESCE(NULLIF(company, ''), NULLIF(contact, ''), NULLIF(deal, ''), id) AS client
  FROM lead
  UNION ALL
  SELECT id AS record_id, created_us, lead_source,
    COALESCE(NULLIF(company, ''), NULLIF(contact, ''), id) AS client
  FROM deal
  WHERE lead = ''
),
inquiry AS (
  SELECT a.record_id AS record_id, a.created_us AS created_us, a.lead_source AS lead_source, a.client AS client
  FROM asked AS a
  LEFT JOIN voided AS v ON v.void_id = a.record_id
  WHERE a.lead_source <> '' AND a.created_us <= :as_of AND COALESCE(v.void_id, '') = ''
),
purchase AS (
  SELECT m.record_id AS record_id, m.moved_us AS moved_us, m.currency AS currency, m.amount AS amount,
    COALESCE(NULLIF(COALESCE(d.company, ''), ''), NULLIF(COALESCE(d.contact, ''), ''), m.record_id) AS client
  FROM move AS m
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  LEFT JOIN deal AS d ON d.id = m.record_id
  WHERE m.pipeline = :pipeline AND m.direction = 'close' AND m.target = 'won' AND m.moved_us <= :as_of
    AND COALESCE(r.seq, 0) = 0
),
numbered AS (
  SELECT record_id, moved_us, currency, amount, client,
    ROW_NUMBER() OVER (PARTITION BY client ORDER BY moved_us, record_id) AS nth
  FROM purchase
),
turn AS (
  SELECT i.record_id AS record_id, i.created_us AS created_us, i.lead_source AS lead_source,
    i.client AS client,
    1 + SUM(CASE WHEN COALESCE(p.moved_us, i.created_us) < i.created_us THEN 1 ELSE 0 END) AS nth
  FROM inquiry AS i
  LEFT JOIN numbered AS p ON p.client = i.client
  GROUP BY i.record_id, i.created_us, i.lead_source, i.client
),
led AS (
  SELECT t.record_id AS record_id, t.created_us AS created_us, t.lead_source AS lead_source,
    t.client AS client, t.nth AS nth, COALESCE(p.record_id, '') AS won_id,
    COALESCE(p.moved_us, -1) AS won_us, COALESCE(p.currency, '') AS currency, COALESCE(p.amount, 0) AS amount
  FROM turn AS t
  LEFT JOIN numbered AS p ON p.client = t.client AND p.nth = t.nth
),
touch AS (
  SELECT record_id, lead_source, won_id, currency, amount,
    ROW_NUMBER() OVER (PARTITION BY client, nth ORDER BY created_us, record_id) AS place,
    LAG(lead_source, 1, '') OVER (PARTITION BY client, nth ORDER BY created_us, record_id) AS came_from,
    SUM(1) OVER (PARTITION BY client, nth ORDER BY created_us, record_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS touches
  FROM led
  WHERE (won_id = '' AND :closed_to = :forever) OR (won_us >= :closed_from AND won_us < :closed_to)
)
{tail}
