"""People beside one another, with what they were given taken into account.

Who gets the easy inquiries wins more. So each person's wins are set beside what everybody's rates would
have made of the same mix (indirect standardisation), and each person's rates are applied to everybody's
mix (direct). How far from the middle chance alone takes somebody is said by limits that depend on how
much they closed. There is no order of merit: rows come by name.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import partial
from typing import Literal

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import BY_CLOSING, CLOSED, NOBODY
from funnelkit.analytics.people.limits import binomial_limits, overdispersion
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["Compared", "PeopleCompared", "Place", "compare_people", "standardised"]

Place = Literal["", "within", "above 95 %", "below 95 %", "above 99.8 %", "below 99.8 %"]

_ALERT, _ALARM = 1.959964, 3.090232
"""The z-scores of 95 % and of 99.8 %."""

FORMULA = (
    "expected = sum over the mix of closed x everybody's rate; ratio = won / expected; adjusted = ratio x "
    "everybody's rate; direct = sum over everybody's mix of share x own rate; z = (ratio - 1) / sqrt("
    "sum n p (1 - p) / expected^2 + tau^2); limits are binomial, interpolated (Spiegelhalter 2005)"
)

Closings = dict[str, dict[str, tuple[int, int]]]
"""Person → stratum → (won, closed)."""


@attrs.frozen(kw_only=True)
class Compared(Row):
    """One person; ``group`` is the owner at the closing.

    Attributes:
        closed, won: Records.
        rate: ``won`` of ``closed``, as it is.
        low_95, high_95, low_998, high_998: Where the rate of somebody who is like all others would lie.
        expected: Wins that everybody's rates would have made of this person's mix.
        ratio: ``won`` by ``expected``; None where nothing was expected.
        adjusted: The rate, had the mix been everybody's (indirect).
        direct: The rates of this person over everybody's mix; None where a part of the mix is missing.
        z: How far ``ratio`` is from 1, in standard errors that know how much people differ anyway.
        place: Which limits ``z`` is outside of; empty where there is no z.
        reason: Why something is None, or empty.
    """

    closed: int
    won: int
    rate: Rate
    low_95: float
    high_95: float
    low_998: float
    high_998: float
    expected: float
    ratio: float | None
    adjusted: float | None
    direct: float | None
    z: float | None
    place: Place
    reason: str


@attrs.frozen(kw_only=True)
class PeopleCompared(Result[Compared]):
    """People compared. Cells for `ids`: ``ids("won", group="ann")``, ``ids("closed", group="ann")``.

    Attributes:
        overall: Everybody's rate: the middle of the funnel plot.
        phi: How much more people differ than chance explains, 1 is as much; ``tau_squared`` is what is
            added to each variance for it.
    """

    overall: Rate
    phi: float
    tau_squared: float


def compare_people(source: Source, scope: Scope) -> PeopleCompared:
    """Compare who closed what; ``scope`` is grouped by what makes the mix, or by nothing."""
    sql = compose("outcomes/endings", **scope.slots(), tail="{strata}")
    closings: Closings = defaultdict(dict)
    for owner, stratum, outcome, records in rows_of(source, sql, scope.params()):
        won, closed = closings[owner].get(stratum, (0, 0))
        closings[owner][stratum] = won + records * (outcome == "won"), closed + records
    rows, phi, tau_squared = standardised(closings)
    mix = scope.by or "nothing"
    about = attrs.evolve(scope, by="owner").about(
        "people compared",
        f"mix by {mix}",
        sentence="won of won and lost by the owner at the closing, beside what everybody's rates make of the "
        f"same mix of {mix}; who is listed first is no better",
        population=CLOSED,
        time_axis=BY_CLOSING,
        formula=FORMULA,
    )
    return PeopleCompared(
        about=about,
        rows=tuple(rows),
        ids=partial(_ids, source, scope),
        overall=_overall(closings),
        phi=phi,
        tau_squared=tau_squared,
    )


def standardised(closings: Closings) -> tuple[list[Compared], float, float]:
    """Return a row a person, by name, and phi and tau squared of them all.

    >>> rows, _, _ = standardised({
    ...     "A": {"easy": (9, 10), "hard": (30, 90)}, "B": {"easy": (72, 90), "hard": (2, 10)}})
    >>> [(row.group, row.rate.value, round(row.ratio, 3), round(row.direct, 3)) for row in rows]
    [('A', 0.39, 1.057, 0.617), ('B', 0.74, 0.972, 0.5)]
    """
    pool: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for strata in closings.values():
        for stratum, (won, closed) in strata.items():
            pool[stratum] = pool[stratum][0] + won, pool[stratum][1] + closed
    spread = {person: _expected(strata, pool) for person, strata in closings.items()}
    measures = {
        person: (sum(won for won, _ in closings[person].values()) / expected, math.sqrt(variance) / expected)
        for person, (expected, variance) in spread.items()
        if variance > 0
    }
    phi, tau_squared = overdispersion(list(measures.values()))
    overall = _overall(closings)
    rows = [
        _row(person, closings[person], pool, overall, _z(measures.get(person), tau_squared))
        for person in sorted(closings)
    ]
    return rows, phi, tau_squared


def _overall(closings: Closings) -> Rate:
    won = sum(won for strata in closings.values() for won, _ in strata.values())
    closed = sum(closed for strata in closings.values() for _, closed in strata.values())
    return Rate.of(won, closed, NOBODY)


def _expected(strata: dict[str, tuple[int, int]], pool: dict[str, tuple[int, int]]) -> tuple[float, float]:
    """Return the wins that the rates of the pool make of a mix, and their variance."""
    rates = {stratum: pool[stratum][0] / pool[stratum][1] for stratum in strata}
    expected = sum(closed * rates[stratum] for stratum, (_, closed) in strata.items())
    variance = sum(closed * rates[stratum] * (1 - rates[stratum]) for stratum, (_, closed) in strata.items())
    return expected, variance


def _z(measure: tuple[float, float] | None, tau_squared: float) -> float | None:
    if measure is None:
        return None
    ratio, error = measure
    return (ratio - 1) / math.sqrt(error**2 + tau_squared)


def _row(
    person: str,
    strata: dict[str, tuple[int, int]],
    pool: dict[str, tuple[int, int]],
    overall: Rate,
    z: float | None,
) -> Compared:
    won, closed = (sum(part[n] for part in strata.values()) for n in (0, 1))
    expected, _ = _expected(strata, pool)
    middle = overall.value or 0.0
    ratio = won / expected if expected else None
    direct = _direct(strata, pool)
    gaps = len(pool) - len(strata)
    missing = f"closed nothing of {gaps} of {len(pool)} parts of the mix" if gaps else ""
    low_95, high_95 = binomial_limits(closed, middle, 0.95)
    low_998, high_998 = binomial_limits(closed, middle, 0.998)
    return Compared(
        group=person,
        closed=closed,
        won=won,
        rate=Rate.of(won, closed, NOBODY),
        low_95=low_95,
        high_95=high_95,
        low_998=low_998,
        high_998=high_998,
        expected=expected,
        ratio=ratio,
        adjusted=None if ratio is None else ratio * middle,
        direct=direct,
        z=z,
        place=_place(z),
        reason="everybody wins, or loses, all of this mix" if z is None else missing,
    )


def _direct(strata: dict[str, tuple[int, int]], pool: dict[str, tuple[int, int]]) -> float | None:
    if len(strata) < len(pool):
        return None
    everybody = sum(closed for _, closed in pool.values())
    return sum(pool[stratum][1] / everybody * won / closed for stratum, (won, closed) in strata.items())


def _place(z: float | None) -> Place:
    if z is None:
        return ""
    if abs(z) > _ALARM:
        return "above 99.8 %" if z > 0 else "below 99.8 %"
    if abs(z) > _ALERT:
        return "above 95 %" if z > 0 else "below 95 %"
    return "within"


def _ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns = {"won": " AND outcome = 'won'", "lost": " AND outcome = 'lost'", "closed": ""}
    check_cell("column", which, columns)
    params = scope.params() | {"whose": str(group or "")}
    where = f"owner = :whose{columns[which]}"
    sql = compose("outcomes/endings", **scope.slots(), tail="{ids}", cell="ending", where=where)
    return [record for (record,) in rows_of(source, sql, params)]
