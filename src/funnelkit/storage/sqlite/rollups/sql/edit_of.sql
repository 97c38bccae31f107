(
    SELECT a.{column} FROM attribute AS a
    WHERE a.field_name = '{field}' AND a.record_id = m.record_id AND a.since_us >= m.moved_us
      AND a.position <= side.fields
    ORDER BY a.since_us DESC, a.position DESC
    LIMIT 1
  )
