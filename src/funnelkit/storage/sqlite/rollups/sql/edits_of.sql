t.record_id, a.field_value
  FROM touched AS t
  CROSS JOIN attribute AS a ON a.field_name = '{field}' AND a.record_id = t.record_id
  WHERE a.position <= :fields_to
