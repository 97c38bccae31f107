SELECT grp, lasted_us, COUNT(*) AS records FROM ending WHERE outcome = 'won' GROUP BY grp, lasted_us
