SELECT record_id, since_us FROM attribute WHERE field_name = {field}
