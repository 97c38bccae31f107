UNION ALL
    SELECT record_id, 0 AS anew, 1 AS edited
    FROM attribute NOT INDEXED
    WHERE position > (SELECT fields FROM funnelkit_rollup) AND position <= :fields_to
      AND field_name IN ('owner', 'source', 'value')
