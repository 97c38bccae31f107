"""Forecasts, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Unpack

import attrs

from funnelkit.analytics.forecasts import answer, backtesting, horizon, plain, reading, speed
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Scope, instant_of
from funnelkit.clock import duration
from funnelkit.errors import InputError, TimeError, shown
from funnelkit.money import Money

__all__ = ["ForecastMeasures"]

_MICROSECOND = timedelta(microseconds=1)


class ForecastMeasures(Measured):
    """What is still to come."""

    def forecast(
        self,
        pipeline: str | None = None,
        *,
        within: timedelta | str | None = None,
        until: datetime | date | None = None,
        since: datetime | date | None = None,
        recent: timedelta | str = "90d",
        least: int = reading.LEAST,
        draws: int = horizon.DRAWS,
        seed: int = 1,
        **filters: Unpack[Filters],
    ) -> answer.Forecast:
        """Forecast what is won until a date: wins and value, expected and with 10, 50 and 90 %.

        Three parts, each shown apart: what is won already (from ``since`` on), what comes from the records
        that are open now, and what comes from records that do not exist yet.

        Each open record has the chance that those had who had been on its stage for as long, read from the
        history of the whole pipeline. With less than ``least`` of them a younger age of the stage speaks,
        then the whole pipeline by the time since the record came in; ``result.deals`` says which. The number
        of wins is calculated exactly. Totals of money are drawn by chance, and the result says how well.

        Args:
            pipeline: Its id.
            within: The time ahead, ``"90d"``; or
            until: its end (excluded), a date is its midnight in the zone.
            since: Wins from here on are booked, and in the total; default: none are.
            recent: New records come as they came in so much time before ``as_of``.
            least: So many must have been followed from a stage and an age.
            draws: Of the totals of money; fewer are made where a draw has thousands of wins.
            seed: Of the draws; the same seed gives the same numbers.
            filters: See `Filters`. The history is that of the whole pipeline.

        Work is four scans of the ledger in SQL, and some ten microseconds for each open record: a hundred
        thousand of them take a second or two beside the scans.

        Raises:
            InputError: Not one of ``within`` and ``until``; ``draws`` below 100.
            TimeError: ``until`` is not after ``as_of``.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> acme = engine.create("Acme")
        >>> ahead = engine.analytics.forecast(within="30d")
        >>> ahead.row("open").wins, ahead.row("open").reason
        (None, 'of 1 of the records too little is known, they are not in it')
        """
        scope = self._scope(pipeline, filters)
        ahead = self._ahead(scope, within, until)
        asked = _asked(ahead, recent, (least, draws, seed), self._instant(since))
        return self._measured(partial(horizon.forecast, asked=asked), scope, "created")

    def backtest(
        self,
        pipeline: str | None = None,
        *,
        dates: Sequence[datetime | date],
        within: timedelta | str,
        recent: timedelta | str = "90d",
        least: int = reading.LEAST,
        draws: int = horizon.DRAWS,
        seed: int = 1,
        **filters: Unpack[Filters],
    ) -> backtesting.Backtest:
        """Make the forecast with the knowledge of each date, and compare it with what then happened.

        Beside it stand the weighted pipeline of that date and what was won in as much time before. The
        result has ``hit_rate()``, ``places()`` and ``wape()``, of wins or of a currency.

        Args:
            pipeline: Its id.
            dates: When forecasts are made; the time after each of them must be over.
            within: The time ahead.
            recent: As in `forecast`, and so are
            least: these
            draws: and
            seed: this.
            filters: See `Filters`, without ``by``. ``as_of`` says until when anything is known.

        Work is that of a forecast a date.

        Raises:
            InputError: No dates; ``by`` is given.
            TimeError: The time after a date is not over.

        >>> from datetime import UTC, datetime
        >>> from funnelkit import Engine, FrozenClock, Pipeline, Stage
        >>> clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]), clock=clock)
        >>> acme = engine.create("Acme")
        >>> now = clock.tick("30d")
        >>> tried = engine.analytics.backtest(dates=[date(2026, 3, 2)], within="7d")
        >>> [(row.actual, row.reason) for row in tried.rows]
        [(0.0, 'only 1 records, 20 are needed')]
        """
        scope = self._scope(pipeline, filters)
        if scope.by is not None:
            raise InputError("by", "a back-test is not grouped", "filter instead")
        asked = _asked(duration(within, "within") // _MICROSECOND, recent, (least, draws, seed))
        if isinstance(dates, date | str) or not isinstance(dates, Iterable):
            raise InputError("dates", f"{shown(dates)} is no list of dates", "give [date(2026, 1, 1)]")
        instants = sorted({instant_of(each, "dates", self._zone) for each in dates})
        if not instants:
            raise InputError("dates", "there are none", "give at least one")
        if instants[-1] + asked.horizon_us > scope.as_of_us:
            raise TimeError("dates", "the time after the last of them is not over", "give earlier ones")
        scopes = [attrs.evolve(scope, as_of_us=instant, present=False) for instant in instants]
        return backtesting.backtest(self._source, scopes, asked)

    def forecast_categories(
        self,
        pipeline: str | None = None,
        *,
        commit: float = plain.COMMIT,
        best: float = plain.BEST,
        since: datetime | date | None = None,
        **filters: Unpack[Filters],
    ) -> plain.Categories:
        """Add up what is open by how sure it is: commit, best case, pipeline, each with the surer ones.

        Args:
            pipeline: Its id.
            commit: The chance from which on a record is in the category, and
            best: that of the best case.
            since: Wins from here on are ``closed``, and in every category; default: none are.
            filters: See `Filters`.

        Raises:
            InputError: ``best`` is above ``commit``, or one of them not from 0 to 1.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new", probability=0.1), Stage("offer")]))
        >>> acme, beta = engine.create("Acme", probability=0.8), engine.create("Beta", probability=0.5)
        >>> [(row.category, row.count) for row in engine.analytics.forecast_categories().rows]
        [('commit', 1), ('best case', 2), ('pipeline', 2)]
        """
        scope = self._scope(pipeline, filters)
        metric = partial(plain.forecast_categories, levels=(commit, best), since_us=self._instant(since))
        return self._measured(metric, scope, "created")

    def expected_closings(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> plain.Closings:
        """Add up what is open by the month of its expected close, with the overdue and the undated apart.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> acme = engine.create("Acme", expected_close=date(2020, 1, 1))
        >>> [(row.month, row.count) for row in engine.analytics.expected_closings().rows]
        [('overdue', 1)]
        """
        return self._measured(plain.expected_closings, self._scope(pipeline, filters), "created")

    def coverage(
        self,
        pipeline: str | None = None,
        *,
        target: Money | int | Mapping[str, Money | int],
        since: datetime | date,
        **filters: Unpack[Filters],
    ) -> plain.Coverage:
        """Compare what is open with what is missing to a target: open / (target − won since).

        Args:
            pipeline: Its id.
            target: Money, or a number of wins; with ``by`` one for each group.
            since: The beginning of the target's period.
            filters: See `Filters`, without ``by="month"`` and ``by="quarter"``.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> acme, beta = engine.create("Acme"), engine.create("Beta")
        >>> engine.analytics.coverage(target=8, since=date(2026, 1, 1)).rows[0].coverage
        0.25
        """
        scope = self._scope(pipeline, filters)
        targets = plain.targets_of(scope, target)
        return plain.coverage(self._source, scope, targets, instant_of(since, "since", self._zone))

    def velocity(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> speed.Velocities:
        """Measure the velocity of a cohort: records × value of a win × win rate / days to the win.

        All four are of the same records: those created in the period (``created=``). It is no revenue a day:
        in a steady process whose cohort has ended it is the revenue a day × length of the period / cycle,
        since twice the period has twice the records. So compare periods of one length.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> engine.analytics.velocity().rows[0].reason
        'nobody was won or lost'
        """
        return self._measured(speed.velocity, self._scope(pipeline, filters), "created")

    def _instant(self, given: datetime | date | None) -> int | None:
        return None if given is None else instant_of(given, "since", self._zone)

    def _ahead(self, scope: Scope, within: timedelta | str | None, until: datetime | date | None) -> int:
        """Return the time ahead in microseconds."""
        if within is not None and until is None:
            return duration(within, "within") // _MICROSECOND
        if until is None or within is not None:
            raise InputError("within", "one of within and until is needed", 'give within="90d"')
        ahead = instant_of(until, "until", self._zone) - 1 - scope.as_of_us
        if ahead <= 0:
            raise TimeError("until", f"{until} is not after as_of", "give a later one")
        return ahead


def _asked(
    horizon_us: int, recent: timedelta | str, numbers: tuple[int, int, int], since_us: int | None = None
) -> reading.Asked:
    """Return what is asked of a forecast. Raises InputError for too few draws."""
    least, draws, seed = numbers
    if not isinstance(least, int):
        raise InputError("least", f"{shown(least)} is no number of records", f"give {reading.LEAST}")
    if not isinstance(draws, int) or draws < 100:  # noqa: PLR2004 (else a tenth is hardly anything)
        raise InputError("draws", f"{shown(draws)} are too few", "give 100 or more")
    return reading.Asked(
        horizon_us=horizon_us,
        since_us=since_us,
        recent_us=duration(recent, "recent") // _MICROSECOND,
        least=max(least, 1),
        draws=draws,
        seed=seed,
    )
