"""Where inquiries come from, and what becomes of each: one card, exactly once."""
