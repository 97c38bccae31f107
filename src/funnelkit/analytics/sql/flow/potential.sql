-- What is open, and how likely the records themselves say it is (-1: they do not).
WITH {customs} {standing}, {state},
hopeful AS (
  SELECT s.record_id AS record_id, s.stage, s.grp, s.currency AS currency, s.amount AS amount, {chance} AS chance
  FROM state AS s
  {estimates}
  WHERE s.status = 'open'
)
{tail}
