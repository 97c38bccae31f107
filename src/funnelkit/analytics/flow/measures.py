"""Moves and stock, as methods of `Analytics`."""

from __future__ import annotations

from typing import Unpack

from funnelkit.analytics.flow import potential, transitions
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters

__all__ = ["FlowMeasures"]


class FlowMeasures(Measured):
    """Who went from where to where, and what is on the table."""

    def transitions(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> transitions.Transitions:
        """Count the moves between every pair of places, creations, closings and reopenings too."""
        return self._measured(transitions.transitions, self._scope(pipeline, filters), "created")

    def potential(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> potential.Potential:
        """Add up the open records by stage: number, value per currency, value weighted by chance."""
        return self._measured(potential.potential, self._scope(pipeline, filters), "created")
