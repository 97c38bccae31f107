UNION ALL
    SELECT m.record_id, 0 AS anew, 0 AS edited
    FROM move AS m NOT INDEXED
    WHERE m.position > (SELECT moves FROM funnelkit_rollup) AND m.position <= :moves_to {told}
      AND EXISTS (
        SELECT 1 FROM attribute AS a
        WHERE a.field_name IN ('owner', 'source', 'value') AND a.record_id = m.record_id
          AND a.position <= (SELECT fields FROM funnelkit_rollup)
      )
