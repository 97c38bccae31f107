SELECT grp, stage, nth, status, rest_us - rest_us % :grain AS rest, COUNT(*) AS stays
FROM watched
GROUP BY grp, stage, nth, status, rest_us - rest_us % :grain
