"""Times, as methods of `Analytics`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Period, refuse
from funnelkit.analytics.times import stays, wins
from funnelkit.analytics.times.ages import Ages

__all__ = ["TimeMeasures"]


_EACH = ("stay", "record")


class TimeMeasures(Measured):
    """How long it takes."""

    def time_in_stage(
        self,
        pipeline: str | None = None,
        *,
        each: stays.Each = "stay",
        unit: timedelta | str = "1h",
        **filters: Unpack[Filters],
    ) -> stays.TimeInStage:
        """Measure how long records stay on each stage: closed stays, and Kaplan-Meier with open ones.

        Args:
            pipeline: Its id.
            each: ``"stay"``: every stay by itself; ``"record"``: all stays of a record on a stage put
                together, open while it is there.
            unit: How finely Kaplan-Meier tells durations apart; quantiles of closed stays are exact.
            **filters: See `Filters`.
        """
        if each not in _EACH:
            refuse("each", each, _EACH, "is nothing to measure")
        metric = partial(stays.time_in_stage, ages=Ages.of(unit), each=each)
        return self._measured(metric, self._scope(pipeline, filters), "created")

    def days_to_win(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> wins.DaysToWin:
        """Measure the time from creation to win; ``closed`` is the period of the wins."""
        return self._measured(wins.days_to_win, self._scope(pipeline, filters, closed), "closed")
