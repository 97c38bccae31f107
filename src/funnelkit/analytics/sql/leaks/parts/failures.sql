SELECT grp, furthest, COUNT(*) AS records FROM ending WHERE outcome = 'lost' GROUP BY grp, furthest
