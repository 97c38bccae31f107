"""Chances, as methods of `Analytics`."""

from __future__ import annotations

from funnelkit.analytics.measured import Measured

__all__ = ["ChanceMeasures"]


class ChanceMeasures(Measured):
    """What an open record may still bring."""
