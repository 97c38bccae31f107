-- The rows that speak for themselves, number -1; and what touched records add to the sums of each kind.
WITH {rows},
fact AS (
{facts}
)
SELECT -1, +m.pipeline, +m.source_pipeline, +m.source, +m.target, +m.direction, +m.furthest_before,
  +m.furthest_after, +m.currency, +m.owner, +m.lead_source, +m.created_us, +m.moved_us, +m.amount
FROM plain AS m
UNION ALL
SELECT f.kind, f.pipeline, f.a, f.b, f.c, f.d, f.currency, '', '', f.owner, f.source, f.at_us, f.records, f.total
FROM fact AS f
