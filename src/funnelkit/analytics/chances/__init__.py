"""How likely an open record is won, how long it still takes and what it is worth."""
