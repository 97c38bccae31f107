-- Records that were won or lost in the period, and still are as of then.
WITH {customs} {standing}, {ended},
ending AS (
  SELECT record_id, source AS stage, target AS outcome, moved_us, moved_us - created_us AS lasted_us,
    reason, reason_text, currency, amount, owner, furthest, grp
  FROM ended
  WHERE kept = 1
)
{tail}
