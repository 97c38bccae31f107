-- The value of one field of each record, as of then. Grouped, though one row a record is left anyway:
-- SQLite takes a plain filter on a rank for a handful of rows, and would read them all for each record.
{name} AS (
  SELECT record_id, MAX(CASE WHEN newest = 1 THEN field_value ELSE '' END) AS field_value,
    SUM(CASE WHEN newest = 1 THEN amount ELSE 0 END) AS amount, MAX(since_us) AS since_us
  FROM (
    SELECT record_id, field_value, amount, since_us,
      ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY since_us DESC, position DESC) AS newest
    FROM attribute
    WHERE field_name = {field} AND since_us <= {until}
  ) AS dated
  GROUP BY record_id
)
