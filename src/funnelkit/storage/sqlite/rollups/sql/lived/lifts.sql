-- Rows that lifted a record further and stand. Whose record it was at that row, at the lift before and at the
-- first one is the same for almost all: role 'all'; else each has a row of its own.
SELECT m.pipeline AS pipeline, m.furthest_before AS a, m.furthest_after AS b, m.role AS c, '' AS d,
  CASE WHEN m.role IN ('all', 'own') THEN m.currency ELSE '' END AS currency,
  CASE m.role WHEN 'before' THEN m.owner_before WHEN 'first' THEN m.owner_first ELSE m.owner END AS owner,
  CASE m.role WHEN 'before' THEN m.source_before WHEN 'first' THEN m.source_first ELSE m.lead_source END
    AS source,
  m.created_us AS at_us, m.sign AS records,
  CASE WHEN m.role IN ('all', 'own') THEN m.sign * m.amount ELSE 0 END AS total
FROM (
  SELECT climb.*, roles.role
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
    SELECT 'all' AS role UNION ALL SELECT 'own' UNION ALL SELECT 'before' UNION ALL SELECT 'first'
  ) AS roles
) AS m
WHERE m.is_told AND (m.role = 'all') = (
    m.owner = m.owner_before AND m.owner = m.owner_first
    AND m.lead_source = m.source_before AND m.lead_source = m.source_first
  )
  AND (m.role <> 'before' OR m.furthest_before <> '')
