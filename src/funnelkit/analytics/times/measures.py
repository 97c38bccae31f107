"""Times, as methods of `Analytics`."""

from __future__ import annotations

from typing import Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Period
from funnelkit.analytics.times import stays, wins

__all__ = ["TimeMeasures"]


class TimeMeasures(Measured):
    """How long it takes."""

    def time_in_stage(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> stays.TimeInStage:
        """Measure how long records stay on each stage: closed stays, and Kaplan-Meier with open ones."""
        return self._measured(stays.time_in_stage, self._scope(pipeline, filters), "created")

    def days_to_win(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> wins.DaysToWin:
        """Measure the time from creation to win; ``closed`` is the period of the wins."""
        return self._measured(wins.days_to_win, self._scope(pipeline, filters, closed), "closed")
