SELECT grp, stage, nth, status, coarse_us, COUNT(*) AS stays
FROM (SELECT grp, stage, nth, status, {coarse} AS coarse_us FROM watched) AS rounded
GROUP BY grp, stage, nth, status, coarse_us
