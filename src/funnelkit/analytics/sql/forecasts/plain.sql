-- What is open, how likely it says itself to be won (-1: it does not), and when it is expected to close.
WITH {customs} {standing}, {state},
dated AS (
  SELECT s.record_id AS record_id, s.stage, s.grp, s.currency AS currency, s.amount AS amount, {chance} AS chance,
    {due} AS due
  FROM state AS s
  {estimates}
  WHERE s.status = 'open'
)
{tail}
