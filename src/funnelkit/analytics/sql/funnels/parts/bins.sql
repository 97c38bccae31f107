, binned AS (
  SELECT grp, lasted_us % :bin_us AS rest_us, lasted_us - lasted_us % :bin_us AS bin_start FROM converted
)
SELECT grp, bin_start, COUNT(*) AS records, SUM(rest_us) AS rest_us FROM binned GROUP BY grp, bin_start
