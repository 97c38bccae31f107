SELECT low, high, grp, kept, grp_before, kept_before, grp_first, kept_first, mask, currency,
  COUNT(*) AS records, SUM(amount) AS total
FROM chained
GROUP BY low, high, grp, kept, grp_before, kept_before, grp_first, kept_first, mask, currency
