-- Each stay by itself.
lasting AS (
  SELECT record_id, stage, grp, went, ended, running, lasted_us FROM stay
)
