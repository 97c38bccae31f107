"""The one gate: what is asked of it, what it says, and the row of the ledger that follows. Pure."""
