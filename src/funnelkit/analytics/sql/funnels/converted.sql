-- How long it took from one step to another, in the attempt that first came there.
WITH {customs} {standing}, {known},
{walked}
{discard}
done AS (
  SELECT record_id, unit, MIN(seq) AS seq_done FROM step_{to} GROUP BY record_id, unit
),
converted AS (
  SELECT d.record_id AS record_id, k.grp AS grp, s.moved_us - s.since_us AS lasted_us
  FROM done AS d
  JOIN step_{to} AS s ON s.record_id = d.record_id AND s.seq = d.seq_done
  JOIN known AS k ON k.record_id = d.record_id AND k.seq = d.seq_done AND k.kept = 1
  {spared}
)
{tail}
