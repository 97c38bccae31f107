-- Rows that lifted a record further and stand, told as if the record had been of one group all its life. Where
-- it was another's at the lift before, or at the first one, it is said whose it was then (1), and not (-1).
SELECT m.pipeline AS pipeline, m.furthest_before AS a, m.furthest_after AS b, m.role AS c, '' AS d,
  CASE WHEN m.role = 'all' THEN m.currency ELSE '' END AS currency,
  CASE WHEN m.told = -1 OR m.role = 'all' THEN m.owner WHEN m.role = 'before' THEN m.owner_before
    ELSE m.owner_first END AS owner,
  CASE WHEN m.told = -1 OR m.role = 'all' THEN m.lead_source WHEN m.role = 'before' THEN m.source_before
    ELSE m.source_first END AS source,
  m.created_us AS at_us, m.sign * m.told AS records,
  CASE WHEN m.role = 'all' THEN m.sign * m.amount ELSE 0 END AS total
FROM (
  SELECT climb.*, roles.role, roles.told
  FROM (
    SELECT m.sign, m.is_told, {columns},
      LAG(m.owner, 1, m.owner) OVER climbing AS owner_before,
      LAG(m.lead_source, 1, m.lead_source) OVER climbing AS source_before,
      FIRST_VALUE(m.owner) OVER climbing AS owner_first,
      FIRST_VALUE(m.lead_source) OVER climbing AS source_first
    FROM lived AS m
    WHERE m.is_void = 0 AND m.furthest_before <> m.furthest_after AND m.next_direction <> 'reopen'
    WINDOW climbing AS (PARTITION BY m.sign, m.record_id, m.pipeline ORDER BY m.seq)
  ) AS climb
  CROSS JOIN (
    SELECT 'all' AS role, 1 AS told UNION ALL SELECT 'before', 1 UNION ALL SELECT 'before', -1
    UNION ALL SELECT 'first', 1 UNION ALL SELECT 'first', -1
  ) AS roles
) AS m
WHERE m.is_told AND (
    m.role = 'all'
    OR (m.role = 'before' AND (m.owner <> m.owner_before OR m.lead_source <> m.source_before))
    OR (m.role = 'first' AND (m.owner <> m.owner_first OR m.lead_source <> m.source_first))
  )
