SELECT m.record_id AS record_id, m.seq AS seq, m.moved_us AS moved_us, m.furthest_before AS furthest_before,
      m.furthest_after AS furthest_after, {group} AS grp, {kept} AS kept,
      {currency} AS currency, {worth} AS amount
    FROM move AS m
    WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
      AND m.moved_us <= :as_of {young}
