"""What becomes of records by a given age, with those that are still open counted for what they are."""
