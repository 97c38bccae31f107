-- The values that a field was ever edited to.
SELECT field_value FROM attribute WHERE field_name = :field GROUP BY field_value
