-- Where each record of the pipeline stood as of then, and what it was worth and whose it was.
touched AS (
  SELECT record_id, pipeline, moved_us, created_us, source, target, direction,
    owner, lead_source, campaign, currency, amount,
    ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY seq DESC) AS newest
  FROM move
  WHERE (pipeline = :pipeline OR source_pipeline = :pipeline) AND moved_us <= :as_of
    AND created_us >= :created_from AND created_us < :created_to
),
edited AS (
  SELECT record_id, field_name, field_value, amount, since_us
  FROM (
    SELECT record_id, field_name, field_value, amount, since_us,
      ROW_NUMBER() OVER (PARTITION BY field_name, record_id ORDER BY since_us DESC, position DESC) AS newest
    FROM attribute
    WHERE (field_name = 'owner' OR field_name = 'value') AND since_us <= :as_of
  ) AS dated
  WHERE newest = 1
),
owner_edit AS (
  SELECT record_id, field_value, since_us FROM edited WHERE field_name = 'owner'
),
value_edit AS (
  SELECT record_id, field_value, amount, since_us FROM edited WHERE field_name = 'value'
),
placed AS (
  SELECT t.record_id, t.moved_us, t.created_us, t.lead_source, t.campaign,
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
  FROM touched AS t
  LEFT JOIN voided AS v ON v.void_id = t.record_id
  LEFT JOIN owner_edit AS o ON o.record_id = t.record_id
  LEFT JOIN value_edit AS w ON w.record_id = t.record_id
  WHERE t.newest = 1
)
