"""Times, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Period, refuse
from funnelkit.analytics.times import aging, exits, stays, stuck, wins
from funnelkit.analytics.times.ages import Ages
from funnelkit.clock import duration
from funnelkit.errors import InputError, shown

__all__ = ["TimeMeasures"]


_EACH = ("stay", "record")
_ALL = 100
_MICROSECOND = timedelta(microseconds=1)


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

    def stage_exits(
        self,
        pipeline: str | None = None,
        *,
        horizons: Sequence[timedelta | str] = ("7d", "30d"),
        unit: timedelta | str = "1h",
        **filters: Unpack[Filters],
    ) -> exits.StageExits:
        """Measure where stays lead to, and how soon: forward, back, won, lost, or still there.

        The ways out compete (Aalen-Johansen); stays that go on count for as long as they were watched.
        Beside them stands the restricted mean of the stay.

        Args:
            pipeline: Its id.
            horizons: Times since the stage was entered.
            unit: How finely durations are told apart; horizons are whole units.
            **filters: See `Filters`.
        """
        ages = Ages.of(unit)
        metric = partial(exits.stage_exits, ages=ages, horizons=exits.horizons_of(horizons, ages))
        return self._measured(metric, self._scope(pipeline, filters), "created")

    def stuck(
        self,
        pipeline: str | None = None,
        *,
        percent: int = 90,
        after: timedelta | str | None = None,
        ahead: timedelta | str = "30d",
        unit: timedelta | str = "1h",
        **filters: Unpack[Filters],
    ) -> stuck.StuckRecords:
        """List open records that are on their stage for longer than is usual there.

        The limit is no fixed number of days: by then, of the stays that lasted longer than ``after``,
        ``percent`` percent were over (Kaplan-Meier, so stays that go on are counted for what they are).

        Args:
            pipeline: Its id.
            percent: 1 to 99.
            after: Look only at stays that lasted longer than this; default: at all.
            ahead: How far to look from the limit on.
            unit: How finely durations are told apart.
            **filters: See `Filters`; they choose what is usual, too. Groups share one limit.
        """
        if not isinstance(percent, int) or not 0 < percent < _ALL:
            raise InputError("percent", f"{shown(percent)} is not between 1 and 99", "give 90")
        ages, scope = Ages.of(unit), self._scope(pipeline, filters)
        after_us = -1 if after is None else exits.horizons_of([after], ages)[0]
        usual = stuck.Usual(
            percent=percent, after_us=after_us, within_us=duration(ahead, "ahead") // _MICROSECOND
        )
        norm = stuck.norms(self._source, scope, ages, usual)
        metric = partial(stuck.stuck, ages=ages, usual=usual, norm=norm)
        return self._measured(metric, scope, "created")

    def overdue(
        self, policy: aging.Aging, pipeline: str | None = None, **filters: Unpack[Filters]
    ) -> aging.OverdueRecords:
        """List open records that were left alone for longer than a policy allows.

        >>> from datetime import UTC, datetime
        >>> from funnelkit import Engine, Pipeline, Stage
        >>> from funnelkit.analytics import Aging
        >>> from funnelkit.clock import FrozenClock
        >>> clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
        >>> engine = Engine(Pipeline("sales", [Stage("new")]), clock=clock)
        >>> deal = engine.create("Acme")
        >>> _ = clock.tick("8d")
        >>> found = engine.analytics.overdue(Aging(limit="7d"))
        >>> found.ids("new") == [deal.id], found.rows[0].overdue.numerator
        (True, 1)
        """
        if not isinstance(policy, aging.Aging):
            raise InputError("policy", f"{shown(policy)} is no policy", 'give Aging(limit="7d")')
        metric = partial(aging.overdue, policy=policy)
        return self._measured(metric, self._scope(pipeline, filters), "created")

    def days_to_win(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> wins.DaysToWin:
        """Measure the time from creation to win; ``closed`` is the period of the wins."""
        return self._measured(wins.days_to_win, self._scope(pipeline, filters, closed), "closed")
