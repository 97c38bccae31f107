-- Of the records whose group or filter was ever edited: their lifts as `lifts` has counted them, to be
-- taken back (turn 0), and their credits as they are, each with that of the credit before (turn 1).
WITH {standing} {edited},
climb AS (
  SELECT m.record_id, m.seq, m.furthest_before, m.furthest_after, {group} AS grp, {kept} AS kept,
    {currency} AS currency, {worth} AS amount,
    CASE WHEN COALESCE(v.void_id, '') = '' AND COALESCE(r.seq, 0) = 0 THEN 1 ELSE 0 END AS stands
  FROM edited AS e
  JOIN move AS m ON m.record_id = e.record_id
  LEFT JOIN voided AS v ON v.void_id = m.record_id
  LEFT JOIN reopened AS r ON r.record_id = m.record_id AND r.seq = m.seq + 1
  WHERE m.furthest_before <> m.furthest_after AND COALESCE(m.pipeline, '') = :pipeline
    AND m.moved_us <= :as_of {born}
),
credit AS (
  SELECT furthest_before, furthest_after, currency, amount, grp, kept,
    LAG(grp, 1, '') OVER (PARTITION BY record_id ORDER BY seq) AS grp_before,
    LAG(kept, 1, 0) OVER (PARTITION BY record_id ORDER BY seq) AS kept_before,
    MAX(CASE WHEN furthest_before = '' THEN grp ELSE '' END) OVER (PARTITION BY record_id ORDER BY seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS grp_first,
    MAX(CASE WHEN furthest_before = '' THEN kept ELSE 0 END) OVER (PARTITION BY record_id ORDER BY seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS kept_first
  FROM climb
  WHERE stands = 1
)
SELECT 0 AS turn, furthest_before, furthest_after, grp, 1 AS kept, grp AS grp_before, 1 AS kept_before,
  grp AS grp_first, 1 AS kept_first, currency, 0 - COUNT(*) AS records, 0 - SUM(amount) AS total
FROM climb
WHERE kept = 1
GROUP BY furthest_before, furthest_after, grp, currency
UNION ALL
SELECT 1 AS turn, furthest_before, furthest_after, grp, kept, grp_before, kept_before,
  grp_first, kept_first, currency, COUNT(*) AS records, SUM(amount) AS total
FROM credit
GROUP BY furthest_before, furthest_after, grp, kept, grp_before, kept_before, grp_first, kept_first, currency
