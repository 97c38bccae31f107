-- Records of which one of these fields was ever edited.
, edited AS (
  SELECT record_id FROM ({edits}) AS dated GROUP BY record_id
)
