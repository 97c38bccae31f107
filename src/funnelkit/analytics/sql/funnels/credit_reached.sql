-- A row that puts a record further than it ever was is its credit for all stages in between.
WITH {customs} {ladder}, {standing}, {known}, {seen},
{climbs},
credit AS (
  SELECT k.record_id AS record_id, k.unit AS unit, k.low AS low, k.high AS high, k.seq AS seq,
    k.moved_us AS moved_us, k.grp AS grp, k.kept AS kept, k.currency AS currency, k.amount AS amount,
    {mask} AS mask
  FROM climb AS k
  {masked}
  WHERE k.high > k.low
),
{chained}
{tail}
