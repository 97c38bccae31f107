, lasting AS (
  SELECT grp, '' AS stage, 1 AS ended, lasted_us FROM ending WHERE outcome = 'won' AND lasted_us >= 0
)
{over}
