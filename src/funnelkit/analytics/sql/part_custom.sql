-- The value of one custom field of each record, as of then.
custom_{n} AS (
  SELECT record_id, field_value
  FROM (
    SELECT record_id, field_value,
      ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY since_us DESC, position DESC) AS newest
    FROM attribute
    WHERE field_name = :custom_{n}_name AND since_us <= :as_of
  ) AS dated
  WHERE newest = 1
),
