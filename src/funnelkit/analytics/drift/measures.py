"""Drift, as methods of `Analytics`."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from functools import partial
from typing import Unpack

from funnelkit.analytics.drift import changes, periods, trials
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Scope, instant_of, refuse
from funnelkit.clock import duration
from funnelkit.errors import InputError, shown

__all__ = ["DriftMeasures"]


class DriftMeasures(Measured):
    """Whether the process is still the same."""

    def drift(
        self,
        pipeline: str | None = None,
        *,
        what: trials.What = "rate",
        within: timedelta | str = "30d",
        every: timedelta | str = "7d",
        since: datetime | date | None = None,
        odds: float = 1.5,
        run_length: float = 370,
        least: int = 50,
        **filters: Unpack[Filters],
    ) -> changes.Drift:
        """Watch the step rate or the time on each stage for a change, with a stated rate of false alarms.

        Args:
            pipeline: Its id.
            what: ``"rate"``: the share of stays that go forward, or to the win, within ``within``.
                ``"time"``: the share of stays that last longer than the median before ``since``.
            within: See ``what``; for times it is not looked at.
            every: Length of a span; the chart adds up span by span.
            since: Where the watch begins; what was before is the reference; default: the middle between
                the first creation and ``as_of``.
            odds: The change to find: how many times the odds of the share rise or fall.
            run_length: So many spans pass on average before a false alarm of one chart.
            least: So many stays are needed in the reference.
            filters: See `Filters`.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> engine.analytics.drift().rows[0].reason
        'only 0 stays before, 50 are needed'
        """
        for name, number, usual in (("odds", odds, "1.5"), ("run_length", run_length, "370")):
            if not isinstance(number, int | float) or not 1 < number < math.inf:
                raise InputError(name, f"{shown(number)} is no number above 1", f"try {usual}")
        if not isinstance(least, int) or least < 1:
            raise InputError("least", f"{shown(least)} is no number of stays", "try 50")
        scope = self._scope(pipeline, filters)
        asked = self._trials(scope, what, within, every, since)
        design = changes.Design(odds, run_length, least)
        return self._measured(partial(changes.drift, asked=asked, design=design), scope, "created")

    def periods(
        self,
        pipeline: str | None = None,
        *,
        what: trials.What = "rate",
        within: timedelta | str = "30d",
        every: timedelta | str = "7d",
        **filters: Unpack[Filters],
    ) -> periods.Periods:
        """Cut the history of each stage where its step rate or time on the stage changed.

        Args:
            pipeline: Its id.
            what: As for `drift`; the median is that of all that is known.
            within: See `drift`.
            every: Cuts are made between spans of this length.
            filters: See `Filters`.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> engine.analytics.periods().rows
        ()
        """
        scope = self._scope(pipeline, filters)
        asked = self._trials(scope, what, within, every, from_now=True)
        return self._measured(partial(periods.periods, asked=asked), scope, "created")

    def _trials(
        self,
        scope: Scope,
        what: trials.What,
        within: timedelta | str,
        every: timedelta | str,
        since: datetime | date | None = None,
        *,
        from_now: bool = False,
    ) -> trials.Asked:
        """Return what is watched; the limits are those of all groups."""
        if what not in ("rate", "time"):
            refuse("what", what, ("rate", "time"), "cannot be watched")
        lasting, step = duration(within, "within"), duration(every, "every")
        if min(lasting, step) <= timedelta():
            raise InputError("every", "a length of time is not above 0", "give for example '7d'")
        if from_now:
            start = scope.as_of_us
        elif since is None:
            start = trials.begin(self._source, scope)
        else:
            start = min(instant_of(since, "since", self._zone), scope.as_of_us)
        limits = trials.limits_of(self._source, scope, what, lasting, start)
        return trials.Asked(what, step // timedelta(microseconds=1), start, limits)
