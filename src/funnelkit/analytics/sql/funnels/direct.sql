-- Who was on a stage, and who of them ever went from there to the very next one of its time, or won
-- from the last.
WITH {customs} {standing}, {known},
ahead AS (
  SELECT record_id, source AS stage, 1 AS went
  FROM known
  WHERE direction = 'forward' OR (target = 'won' AND source = :last_stage)
  GROUP BY record_id, source
),
visitors AS (
  SELECT k.record_id AS record_id, k.grp AS grp, k.target AS stage, COALESCE(a.went, 0) AS went
  FROM known AS k
  LEFT JOIN ahead AS a ON a.record_id = k.record_id AND a.stage = k.target
  WHERE k.first_visit = 1 AND k.direction <> 'close' AND k.kept = 1
)
{tail}
