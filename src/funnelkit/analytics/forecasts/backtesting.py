"""Forecasts as they would have been made, against what then happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import attrs

from funnelkit.analytics.forecasts.answer import Forecast
from funnelkit.analytics.forecasts.horizon import forecast
from funnelkit.analytics.forecasts.plain import cells
from funnelkit.analytics.forecasts.reading import Asked
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import counted, ending_ids, number
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source
from funnelkit.clock import from_us
from funnelkit.money import CURRENCIES

__all__ = ["Backtest", "Tried", "backtest"]

WINS = "wins"


@attrs.frozen(kw_only=True)
class Tried(Row):
    """One forecast and what came of it.

    Attributes:
        date: The forecast was made with what was known then.
        measure: ``"wins"``, or a currency: then everything is in its main units.
        expected, p10, p50, p90: What was forecast; None with a reason.
        actual: What was won within the time.
        inside: Whether that was from ``p10`` to ``p90``.
        place: Where it fell in the distribution, 0 to 1: the probability of less and half that of equal.
        weighted: What the weighted pipeline said then: open times chance, whatever the date.
        last_period: What was won in as much time before.
        reason: Why nothing was forecast, or empty.
    """

    date: datetime
    measure: str
    expected: float | None
    p10: float | None
    p50: float | None
    p90: float | None
    actual: float
    inside: bool | None
    place: float | None
    weighted: float
    last_period: float
    reason: str


class Backtest(Result[Tried]):
    """Forecasts against facts. A cell for `ids`: the wins after a date, ``ids(row.date.isoformat())``."""

    @property
    def measures(self) -> tuple[str, ...]:
        """``"wins"``, and the currencies."""
        return tuple(dict.fromkeys(row.measure for row in self.rows))

    def hit_rate(self, measure: str = WINS) -> Rate:
        """Return how many of the facts were from P10 to P90; 80 % of them should be, or somewhat more."""
        inside = [row.inside for row in self._of(measure) if row.inside is not None]
        return Rate.of(sum(inside), len(inside), "nothing was forecast")

    def places(self, measure: str = WINS) -> list[float]:
        """Return where the facts fell in their distributions: evenly over 0 to 1 if these are right."""
        return [row.place for row in self._of(measure) if row.place is not None]

    def wape(self, method: str = "expected", measure: str = WINS) -> float | None:
        """Return the weighted absolute percentage error: Σ |forecast − fact| / Σ |fact|, as a share.

        Args:
            method: ``"expected"``: this forecast; ``"weighted"``: the weighted pipeline; ``"last_period"``.
            measure: ``"wins"`` or a currency.

        Returns:
            None where nothing was won. Only dates with a forecast count, for every method.
        """
        check_cell("method", method, ("expected", "weighted", "last_period"))
        rows = [row for row in self._of(measure) if row.expected is not None]
        facts = sum(abs(row.actual) for row in rows)
        return sum(abs(getattr(row, method) - row.actual) for row in rows) / facts if facts else None

    def _of(self, measure: str) -> list[Tried]:
        check_cell("measure", measure, self.measures or (WINS,))
        return [row for row in self.rows if row.measure == measure]


def backtest(source: Source, scopes: Sequence[Scope], asked: Asked) -> Backtest:
    """Make a forecast with each of the scopes, which differ in ``as_of`` only, and look what came."""
    rows = [row for scope in scopes for row in _tried(source, scope, asked)]
    last = attrs.evolve(scopes[-1], as_of_us=scopes[-1].as_of_us + asked.horizon_us)
    ids = partial(_ids, source, scopes, asked)
    plain = last.about("backtest", "by horizon", sentence="", population="", time_axis="the win")
    said = _scores(Backtest(about=plain, rows=tuple(rows), ids=ids))
    about = attrs.evolve(
        plain,
        sentence="what was forecast with the knowledge of each date, against what was won in the time after; "
        f"{said}",
        population="dates; the facts are wins by owner and value at the win, as known at the end of the time",
        formula="WAPE = sum |forecast - fact| / sum |fact|; place = P(less) + P(equal) / 2 (A. Dawid 1984)",
    )
    return Backtest(about=about, rows=tuple(rows), ids=ids)


def _tried(source: Source, scope: Scope, asked: Asked) -> list[Tried]:
    made = forecast(source, scope, asked)
    came = _won(source, _after(scope, asked))
    before = (scope.as_of_us - asked.horizon_us + 1, scope.as_of_us + 1)
    earlier = _won(source, attrs.evolve(scope, closed=before))
    hoped: dict[str, float] = {}
    for cell in cells(source, scope):
        chance = cell.chance or 0
        hoped[WINS] = hoped.get(WINS, 0) + cell.count * chance
        if cell.currency:
            hoped[cell.currency] = hoped.get(cell.currency, 0) + cell.total * chance
    measures = [WINS, *sorted({*came, *earlier, *hoped, *made.row().sums} - {WINS})]
    return [
        _row(
            made,
            (scope.as_of_us, scope),
            measure,
            tuple(each.get(measure, 0) for each in (came, hoped, earlier)),
        )
        for measure in measures
    ]


def _row(made: Forecast, when: tuple[int, Scope], measure: str, facts: tuple[float, ...]) -> Tried:
    total, said = made.row(), made.parts[None, "total"]
    scale = 1 if measure == WINS else 10 ** CURRENCIES[measure]
    actual, hoped, earlier = facts
    low, middle, high, expected, place = None, None, None, None, None
    if total.wins is not None and measure == WINS:
        low, middle, high = (said.wins.quantile(percent) for percent in (10, 50, 90))
        expected, place = said.wins.mean, said.wins.place(int(actual))
    elif total.wins is not None:
        sample = said.sums.get(measure)
        low, middle, high = sample.quantiles((10, 50, 90)) if sample else (0, 0, 0)
        expected, place = (sample.mean, sample.place(actual)) if sample else (0.0, None)
    return Tried(
        date=from_us(when[0]).astimezone(when[1].zone),
        measure=measure,
        expected=_scaled(expected, scale),
        p10=_scaled(low, scale),
        p50=_scaled(middle, scale),
        p90=_scaled(high, scale),
        actual=actual / scale,
        inside=None if low is None or high is None else low <= actual <= high,
        place=place,
        weighted=hoped / scale,
        last_period=earlier / scale,
        reason=total.reason,
    )


def _scaled(number: float | None, scale: int) -> float | None:
    return None if number is None else number / scale


def _after(scope: Scope, asked: Asked) -> Scope:
    """Return what asks for the wins within the time, as known at its end."""
    end = scope.as_of_us + asked.horizon_us
    return attrs.evolve(scope, as_of_us=end, present=False, closed=(scope.as_of_us + 1, end + 1))


def _won(source: Source, scope: Scope) -> dict[str, float]:
    """Return the number of wins, and currency → minor units."""
    counts, sums = counted(source, scope, "outcomes/endings", "{outcomes}")
    worth: Mapping[str, int] = sums[""]["won"] if "" in counts else {}
    return {WINS: number(counts[""], "won"), **{code: total for code, total in worth.items() if code}}


def _scores(tried: Backtest) -> str:
    """Return the scores in words."""
    said = []
    for measure in tried.measures:
        ours, plain, naive = (
            "-" if error is None else f"{100 * error:.0f} %"
            for error in (tried.wape(method, measure) for method in ("expected", "weighted", "last_period"))
        )
        said.append(
            f"{measure}: within P10 to P90 {tried.hit_rate(measure)}, "
            f"WAPE {ours} (weighted pipeline {plain}, last period {naive})"
        )
    return "; ".join(said)


def _ids(
    source: Source, scopes: Sequence[Scope], asked: Asked, date: str, *, group: Group = None
) -> list[str]:
    known = {from_us(scope.as_of_us).astimezone(scope.zone).isoformat(): scope for scope in scopes}
    check_cell("date", date, known)
    return ending_ids(source, _after(known[date], asked), "won", group=group)
