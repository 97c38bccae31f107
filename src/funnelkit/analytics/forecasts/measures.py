"""Forecasts, as methods of `Analytics`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Unpack

from funnelkit.analytics.forecasts import answer, forecast, reading
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Scope, instant_of
from funnelkit.clock import duration
from funnelkit.errors import InputError, TimeError

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
        draws: int = forecast.DRAWS,
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

        Work is one scan of the ledger, and by open record a small constant: a hundred thousand of them take
        a second or two.

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
        if draws < 100:  # noqa: PLR2004 (else a tenth is hardly anything)
            raise InputError("draws", f"{draws} are too few", "give 100 or more")
        asked = reading.Asked(
            horizon_us=self._ahead(scope, within, until),
            since_us=None if since is None else instant_of(since, "since", self._zone),
            recent_us=duration(recent, "recent") // _MICROSECOND,
            least=max(least, 1),
            draws=draws,
            seed=seed,
        )
        return self._measured(partial(forecast.forecast, asked=asked), scope, "created")

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
