-- Stays as trials of a limit of time: begun in which span, gone forward within it, or still there after it.
-- A win that was taken back is no way forward. A trial counts once its time is over, whatever came of it.
WITH {customs} {standing}, {state}, {limits},
begun AS (
  SELECT m.record_id AS record_id, m.source AS stage, COALESCE(m.since_us, m.moved_us) AS began_us,
    m.moved_us - COALESCE(m.since_us, m.moved_us) AS lasted_us, {group} AS grp,
    CASE WHEN m.pipeline <> :pipeline OR m.direction = 'back' THEN 0
      WHEN m.direction = 'close' AND (m.target <> 'won' OR COALESCE(r.seq, 0) > 0) THEN 0
      ELSE 1 END AS ahead
  FROM move AS m
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  {joins}
  WHERE m.source_pipeline = :pipeline AND m.moved_us <= :as_of
    AND m.direction <> 'create' AND m.direction <> 'reopen'
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(v.void_id, '') = '' AND {kept} = 1 {tests}
  UNION ALL
  SELECT record_id, stage, moved_us AS began_us, :as_of - moved_us AS lasted_us, grp, 0 AS ahead
  FROM state
  WHERE status = 'open'
),
trial AS (
  SELECT b.record_id AS record_id, b.grp AS grp, b.stage AS stage, b.began_us AS began_us,
    b.began_us - (b.began_us - :origin) % :every AS span_us,
    CASE WHEN b.ahead = 1 AND b.lasted_us <= l.within_us THEN 1 ELSE 0 END AS went,
    CASE WHEN b.lasted_us > l.within_us THEN 1 ELSE 0 END AS waited
  FROM begun AS b
  JOIN limits AS l ON l.place = b.stage
  WHERE b.began_us + l.within_us < :as_of
)
{tail}
