-- Records of which one of these fields was edited, and that were lifted under several values of it.
edited AS (
  SELECT record_id
  FROM (
    SELECT m.record_id AS record_id, {extremes}
    FROM (SELECT record_id FROM ({edits}) AS dated GROUP BY record_id) AS d
    JOIN move AS m ON m.record_id = d.record_id
    WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
    GROUP BY m.record_id
  ) AS held
  WHERE {several}
)
