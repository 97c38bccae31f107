-- Every open record: where, since when, since when in the pipeline, and for how much.
WITH {customs} {standing}, {state}, {arrived}
SELECT s.record_id AS record_id, s.grp, s.stage, s.moved_us, a.arrived_us, s.currency AS currency, s.amount AS amount
FROM state AS s
JOIN arrived AS a ON a.record_id = s.record_id
WHERE s.status = 'open'
