-- Records at the moment when they first were on a stage or further, with what was known of them then.
WITH {customs} {standing}, {ended}, {placed}, {ladder},
arrival AS (
  SELECT m.record_id AS record_id, MIN(m.seq) AS seq, MAX(l.ord) AS furthest_ord
  FROM move AS m
  JOIN ladder AS l ON l.place = m.target
  WHERE m.pipeline = :pipeline AND m.moved_us <= :as_of AND m.target <> 'won' AND l.ord >= :ord
    AND m.created_us >= :created_from AND m.created_us < :created_to
  GROUP BY m.record_id
),
here AS (
  SELECT m.record_id AS record_id, a.furthest_ord AS furthest_ord, {kept} AS kept{features}
  FROM arrival AS a
  JOIN move AS m ON m.record_id = a.record_id AND m.seq = a.seq
  {joins} {feature_joins}
)
{tail}
