-- What came since the sums were last brought up to date. A record that became void or was reopened in the
-- meantime is told of anew, by its whole life: now (sign 1) less then (sign -1). Of one that was ever edited
-- only what it did since is told, but with an eye on the lifts before. The rows of all others speak for
-- themselves.
touched AS (
  SELECT record_id, MAX(anew) AS anew, MAX(edited) AS edited
  FROM (
    SELECT record_id, 1 AS anew, 0 AS edited
    FROM move NOT INDEXED
    WHERE position > (SELECT moves FROM funnelkit_rollup) AND position <= :moves_to
      AND (target = 'void' OR direction = 'reopen')
    {touching}
  ) AS each_of
  GROUP BY record_id
),
plain AS (
  SELECT {columns}
  FROM move AS m NOT INDEXED
  WHERE m.position > (SELECT moves FROM funnelkit_rollup) AND m.position <= :moves_to
    AND m.record_id NOT IN (SELECT record_id FROM touched)
),
life AS (
  SELECT 1 AS sign, t.anew OR m.position > (SELECT moves FROM funnelkit_rollup) AS is_told,
    t.anew OR t.edited AS is_held, {columns}
  FROM touched AS t
  CROSS JOIN move AS m ON m.record_id = t.record_id
  WHERE m.position <= :moves_to AND (
      t.anew = 1 OR m.furthest_before <> m.furthest_after OR m.direction IN ('close', 'reopen')
      OR m.position > (SELECT moves FROM funnelkit_rollup)
    )
  UNION ALL
  SELECT -1 AS sign, 1 AS is_told, 0 AS is_held, {columns}
  FROM touched AS t
  CROSS JOIN move AS m ON m.record_id = t.record_id
  WHERE t.anew = 1 AND m.position <= (SELECT moves FROM funnelkit_rollup)
),
turned AS (
  SELECT m.sign, m.is_told, m.is_held, {columns},
    LEAD(m.direction, 1, '') OVER (PARTITION BY m.sign, m.record_id ORDER BY m.seq) AS next_direction
  FROM life AS m
),
lived AS (
  SELECT m.sign, m.is_told, m.is_held, {columns}, m.next_direction,
    MAX(CASE WHEN m.direction = 'close' AND m.target = 'void' AND m.next_direction <> 'reopen' THEN 1 ELSE 0 END)
      OVER (PARTITION BY m.sign, m.record_id) AS is_void
  FROM turned AS m
)
