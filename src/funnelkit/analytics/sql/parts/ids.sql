SELECT record_id FROM {cell} WHERE {where} GROUP BY record_id
