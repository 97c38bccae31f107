-- Rows of the pipeline that count: not of void records, no closing that was taken back.
known AS (
  SELECT m.record_id AS record_id, m.seq AS seq, m.moved_us, m.source, m.target, m.direction, m.first_visit,
    m.furthest_before, m.furthest_after, m.currency AS currency, m.amount AS amount, {group} AS grp, {kept} AS kept,
    {unit} AS unit
  FROM move AS m
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  {joins}
  WHERE m.pipeline = :pipeline AND m.moved_us <= :as_of
    AND m.created_us >= :created_from AND m.created_us < :created_to
    AND COALESCE(v.void_id, '') = '' AND COALESCE(r.seq, 0) = 0 {tests} {soon}
)
