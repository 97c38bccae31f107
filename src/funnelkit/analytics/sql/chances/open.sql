-- Every open record: where, since when, for how much, and how likely it says itself to be won (-1: it does not).
WITH {customs} {standing}, {state}
SELECT s.record_id AS record_id, s.grp, s.stage, s.moved_us, s.currency AS currency, s.amount AS amount, {chance} AS chance
FROM state AS s
{estimates}
WHERE s.status = 'open'
