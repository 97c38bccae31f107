-- Of the records that were lifted under several values of the group or filter: the lifts that stand and
-- had another one than the lift before or the first one had.
WITH {standing}, {edited},
climb AS (
  SELECT m.record_id AS record_id, m.seq AS seq, m.furthest_before, m.furthest_after, {group} AS grp, {kept} AS kept,
    {currency} AS currency, {worth} AS amount
  FROM edited AS e
  JOIN move AS m ON m.record_id = e.record_id
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
    AND m.moved_us <= :as_of AND COALESCE(v.void_id, '') = '' AND COALESCE(r.seq, 0) = 0 {young}
),
credit AS (
  SELECT furthest_before, furthest_after, currency, amount, grp, kept,
    LAG(grp, 1, '') OVER (PARTITION BY record_id ORDER BY seq) AS grp_before,
    LAG(kept, 1, 0) OVER (PARTITION BY record_id ORDER BY seq) AS kept_before,
    MAX(CASE WHEN furthest_before = '' THEN grp ELSE '' END) OVER (PARTITION BY record_id ORDER BY seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS grp_first,
    MAX(CASE WHEN furthest_before = '' THEN kept ELSE 0 END) OVER (PARTITION BY record_id ORDER BY seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS kept_first
  FROM climb
)
SELECT furthest_before, furthest_after, grp, kept, grp_before, kept_before, grp_first, kept_first,
  currency, COUNT(*) AS records, SUM(amount) AS total
FROM credit
WHERE furthest_before <> ''
  AND (grp <> grp_before OR kept <> kept_before OR grp <> grp_first OR kept <> kept_first)
GROUP BY furthest_before, furthest_after, grp, kept, grp_before, kept_before, grp_first, kept_first, currency
