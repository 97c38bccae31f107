-- What clients bought since their first purchase, by the group and the age of the purchase. A client is
-- the company of a deal, else its contact, else the deal itself. Whose first purchase was created in
-- the period belongs to the cohort, and so does all that they bought later.
WITH {customs} {standing},
bought AS (
  SELECT m.record_id AS record_id, m.moved_us AS moved_us, m.created_us AS created_us,
    m.currency AS currency, m.amount AS amount, {group} AS grp, {kept} AS kept,
    COALESCE(NULLIF(COALESCE(d.company, ''), ''), NULLIF(COALESCE(d.contact, ''), ''), m.record_id) AS client
  FROM move AS m
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  LEFT JOIN {table} AS d ON d.id = m.record_id
  {joins}
  WHERE m.pipeline = :pipeline AND m.direction = 'close' AND m.target = 'won' AND m.moved_us <= :as_of
    AND COALESCE(r.seq, 0) = 0 {tests}
),
purchase AS (
  SELECT record_id, moved_us, created_us, currency, amount, grp, kept, client,
    ROW_NUMBER() OVER (PARTITION BY client ORDER BY moved_us, record_id) AS nth
  FROM bought
),
acquired AS (
  SELECT client, grp, moved_us AS since_us
  FROM purchase
  WHERE nth = 1 AND kept = 1 AND created_us >= :created_from AND created_us < :created_to
),
lifetime AS (
  SELECT a.grp AS grp, p.record_id AS record_id, p.currency AS currency, p.amount AS amount,
    CASE WHEN p.nth = 1 THEN 1 ELSE 0 END AS is_first,
    p.moved_us - a.since_us - (p.moved_us - a.since_us) % :month AS age_us
  FROM purchase AS p
  JOIN acquired AS a ON a.client = p.client
)
{tail}
