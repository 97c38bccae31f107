-- Whoever met an excluded stage before all steps were done is in no step at all.
barred AS (
  SELECT record_id, unit, MIN(hit_us) AS hit_us FROM (
    {hits}
  ) AS hits
  GROUP BY record_id, unit
),
finished AS (
  SELECT record_id, unit, MIN({clock}) AS done_us FROM step_{last} GROUP BY record_id, unit
),
