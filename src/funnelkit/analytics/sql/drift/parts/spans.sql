SELECT grp, stage, span_us, COUNT(*) AS trials, SUM(went) AS ahead, SUM(waited) AS behind
FROM trial
GROUP BY grp, stage, span_us
