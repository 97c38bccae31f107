"""Roll-ups: sums kept beside the ledger, so that a dashboard need not read it.

The sums are those of the ledger up to some position. What came since, the tail, is added to them when
they are read, and folded into them once it is long. So a move costs nothing but its share of a fold, and
a writer that knows nothing of roll-ups does no harm.
"""
