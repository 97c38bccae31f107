(
    SELECT a.{column} FROM attribute AS a
    WHERE a.field_name = '{field}' AND a.record_id = m.record_id AND a.since_us >= m.moved_us
      AND a.position <= CASE m.sign WHEN 1 THEN :fields_to ELSE (SELECT fields FROM funnelkit_rollup) END
    ORDER BY a.since_us DESC, a.position DESC
    LIMIT 1
  )
