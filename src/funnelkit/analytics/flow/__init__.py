"""Who went from where to where, and what lies on the table."""
