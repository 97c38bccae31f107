-- What records did, row by row: from where, to where (a number a place), and as which of their steps.
WITH {customs} {standing}, {state}, {ladder},
walked AS (
  SELECT m.record_id AS record_id, s.grp, s.status,
    0 + ROW_NUMBER() OVER (PARTITION BY m.record_id ORDER BY m.seq) AS n,
    LEAD(m.seq, 1, 0) OVER (PARTITION BY m.record_id ORDER BY m.seq) AS next_seq,
    CASE WHEN m.direction = 'create' THEN 0 WHEN m.source_pipeline <> :pipeline THEN 64
      WHEN m.source = 'lost' THEN 62 WHEN m.source = 'void' THEN 63 ELSE COALESCE(a.ord, 65) END AS origin,
    CASE WHEN m.pipeline <> :pipeline THEN 64
      WHEN m.target = 'lost' THEN 62 WHEN m.target = 'void' THEN 63 ELSE COALESCE(b.ord, 65) END AS reached
  FROM move AS m
  JOIN state AS s ON s.record_id = m.record_id
  LEFT JOIN ladder AS a ON a.place = m.source
  LEFT JOIN ladder AS b ON b.place = m.target
  WHERE (m.pipeline = :pipeline OR m.source_pipeline = :pipeline) AND m.moved_us <= :as_of
    AND s.status <> 'void'
)
