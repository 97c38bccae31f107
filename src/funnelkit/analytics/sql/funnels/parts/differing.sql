AND (c.grp <> b.grp OR c.kept <> b.kept OR c.grp <> f.grp OR c.kept <> f.kept)
GROUP BY c.furthest_before, c.furthest_after, c.grp, c.kept, b.grp, b.kept, f.grp, f.kept, c.currency
