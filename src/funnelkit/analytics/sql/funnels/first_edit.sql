-- The first record, by id, of which a field was ever edited, or ''.
SELECT COALESCE(MIN(record_id), '') AS record_id FROM attribute WHERE field_name = :field
