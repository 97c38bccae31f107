-- Leads, the deals that came of each, and whether one of those is won; void deals are none.
WITH {customs} {standing}, {placed},
finished AS (
  SELECT c.record_id AS deal_id, MAX(CASE WHEN c.target = 'won' THEN 1 ELSE 0 END) AS won,
    MAX(CASE WHEN c.target = 'void' THEN 1 ELSE 0 END) AS is_void
  FROM move AS c
  LEFT JOIN reopened AS r ON r.record_id = c.record_id AND r.seq = c.seq + 1
  WHERE c.direction = 'close' AND c.moved_us <= :as_of AND COALESCE(r.seq, 0) = 0
  GROUP BY c.record_id
),
linked AS (
  SELECT d.lead AS lead_id, COUNT(*) AS deals, MAX(COALESCE(f.won, 0)) AS won
  FROM deal AS d
  LEFT JOIN finished AS f ON f.deal_id = d.id
  WHERE d.lead <> '' AND d.created_us <= :as_of AND COALESCE(f.is_void, 0) = 0
  GROUP BY d.lead
),
inquiry AS (
  SELECT m.record_id AS record_id, {group} AS grp, COALESCE(l.deals, 0) AS deals, COALESCE(l.won, 0) AS won,
    CASE WHEN m.status = 'void' THEN 'void' WHEN COALESCE(l.deals, 0) > 0 THEN 'converted'
      WHEN m.status = 'lost' THEN 'spoiled' ELSE 'waiting' END AS fate
  FROM placed AS m
  LEFT JOIN linked AS l ON l.lead_id = m.record_id
  {joins}
  WHERE {kept} = 1 {tests}
)
{tail}
