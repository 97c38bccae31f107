c.furthest_before, c.furthest_after, c.grp AS grp, c.kept AS kept, b.grp AS grp_before, b.kept AS kept_before,
  f.grp AS grp_first, f.kept AS kept_first, c.currency AS currency
