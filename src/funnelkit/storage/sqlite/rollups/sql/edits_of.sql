side.sign, t.record_id, a.field_value
  FROM touched AS t
  CROSS JOIN attribute AS a ON a.field_name = '{field}' AND a.record_id = t.record_id
  CROSS JOIN (
    SELECT 1 AS sign, :fields_to AS fields UNION ALL SELECT -1, fields FROM funnelkit_rollup
  ) AS side
  WHERE a.position <= side.fields
