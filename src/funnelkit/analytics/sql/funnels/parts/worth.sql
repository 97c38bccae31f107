SELECT low, high, grp, kept, grp_before, kept_before, currency, currency_before, SUM(amount) AS total,
  SUM(amount_before) AS total_before
FROM chained
GROUP BY low, high, grp, kept, grp_before, kept_before, currency, currency_before
