-- What wins were worth, to two leading digits: so many, adding up to so much.
WITH {customs} {standing}, {ended}
SELECT currency, leading_amount, lately, COUNT(*) AS records, SUM(amount) AS total
FROM (
  SELECT currency, amount, CASE WHEN moved_us > :recent_from THEN 1 ELSE 0 END AS lately, {leading} AS leading_amount
  FROM ended
  WHERE target = 'won' AND kept = 1
) AS worth
GROUP BY currency, leading_amount, lately
