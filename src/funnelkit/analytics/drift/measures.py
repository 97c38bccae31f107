"""Drift, as methods of `Analytics`."""

from __future__ import annotations

from funnelkit.analytics.measured import Measured

__all__ = ["DriftMeasures"]


class DriftMeasures(Measured):
    """Whether the process is still the same."""
