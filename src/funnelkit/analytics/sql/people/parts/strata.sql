SELECT owner, grp AS stratum, outcome, COUNT(*) AS records FROM ending GROUP BY owner, grp, outcome
