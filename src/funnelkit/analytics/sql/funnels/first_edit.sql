-- A record of which a field was ever edited, or '' where there is none. (The least: one look into an index.)
SELECT COALESCE(MIN(record_id), '') AS record_id FROM attribute WHERE field_name = :field
