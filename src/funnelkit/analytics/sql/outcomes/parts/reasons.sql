SELECT grp, stage, reason, reason_text, currency, COUNT(*) AS records, SUM(amount) AS total,
  MAX(moved_us) AS last_us
FROM ending
WHERE outcome = 'lost'
GROUP BY grp, stage, reason, reason_text, currency
