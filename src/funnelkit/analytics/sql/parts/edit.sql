SELECT record_id FROM attribute WHERE field_name = {field}
