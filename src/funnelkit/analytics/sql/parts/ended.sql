-- Closings of the period that still stand as of then; void is no ending.
ended AS (
  SELECT m.record_id AS record_id, m.source, m.target, m.moved_us, m.created_us, m.reason, m.reason_text,
    m.currency AS currency, m.amount AS amount, m.owner AS owner, m.furthest_before AS furthest,
    {group} AS grp, {kept} AS kept
  FROM move AS m
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  {joins}
  WHERE m.pipeline = :pipeline AND m.direction = 'close' AND m.target <> 'void' AND m.moved_us <= :as_of
    AND m.moved_us >= :closed_from AND m.moved_us < :closed_to
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(r.seq, 0) = 0 {tests}
)
