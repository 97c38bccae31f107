-- Where each record of the pipeline stood as of then, and what it was worth and whose it was.
{latest},
{owner_edit},
{value_edit},
placed AS (
  SELECT t.record_id AS record_id, t.direction, t.moved_us, t.created_us, t.lead_source, t.campaign,
    t.repeat_kind, t.reason,
    CASE WHEN COALESCE(v.void_id, '') <> '' THEN 'void'
      WHEN t.pipeline <> :pipeline THEN 'moved_away'
      WHEN t.direction = 'close' THEN t.target
      ELSE 'open' END AS status,
    CASE WHEN t.direction = 'close' OR t.pipeline <> :pipeline THEN t.source ELSE t.target END AS stage,
    CASE WHEN t.direction <> 'close' AND t.pipeline = :pipeline AND COALESCE(o.since_us, -1) >= t.moved_us
      THEN COALESCE(o.field_value, '') ELSE t.owner END AS owner,
    CASE WHEN t.direction <> 'close' AND t.pipeline = :pipeline AND COALESCE(w.since_us, -1) >= t.moved_us
      THEN COALESCE(w.field_value, '') ELSE t.currency END AS currency,
    CASE WHEN t.direction <> 'close' AND t.pipeline = :pipeline AND COALESCE(w.since_us, -1) >= t.moved_us
      THEN COALESCE(w.amount, 0) ELSE t.amount END AS amount
  FROM latest AS n
  JOIN move AS t ON t.record_id = n.record_id AND t.seq = n.seq_last
  LEFT JOIN voided AS v ON v.void_id = t.record_id
  LEFT JOIN owner_edit AS o ON o.record_id = t.record_id
  LEFT JOIN value_edit AS w ON w.record_id = t.record_id
)
