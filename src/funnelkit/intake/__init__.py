"""Where inquiries come from, and what becomes of each: one card, exactly once."""

from funnelkit.intake.source import Cost, Source

__all__ = ["Cost", "Source"]
