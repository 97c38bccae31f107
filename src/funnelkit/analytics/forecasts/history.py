"""How likely an open record is won within a time, from what became of those who had been there as long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import attrs

from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.analytics.times.incidence import Incidence, aalen_johansen

__all__ = ["MARKS", "History", "OpenDeal", "history", "unit_of"]

MARKS = 10
"""Ages a stage beside 0."""

_PARTS = 96
"""Into so many parts the time ahead is told apart."""

_NEVER = 2**62
_WHOLE = ""
"""The place that stands for the whole pipeline."""

_SAID = {"stage": "stage and age", "younger": "stage, at a younger age", "pipeline": "whole pipeline"}


@attrs.frozen(kw_only=True)
class OpenDeal:
    """An open record.

    Attributes:
        record: Its id.
        key: Its group, as SQL has it.
        stage: Where it is.
        age_us: How long it has been there.
        life_us: How long it has been in the pipeline.
        currency: Of its value; ``""`` without a value.
        amount: In minor units.
    """

    record: str
    key: str
    stage: str
    age_us: int
    life_us: int
    currency: str
    amount: int


@attrs.frozen(kw_only=True)
class Said:
    """A chance and where it is from; None with a reason."""

    chance: float | None
    by: str
    count: int


@attrs.frozen(kw_only=True)
class History:
    """What became of those who had been on a place for an age.

    Attributes:
        horizon_us: The time ahead.
        unit_us: How finely it is told apart.
        curves: Place → ``(age, how many went on from there, what became of them)``, ages ascending.
        least: How many must have gone on from an age.
    """

    horizon_us: int
    unit_us: int
    curves: Mapping[str, Sequence[tuple[int, int, float | None]]]
    whole: Incidence
    least: int

    def chance(self, deal: OpenDeal) -> Said:
        """Return the chance of a win within the horizon, from the nearest age of which enough is known."""
        for place, age in ((deal.stage, deal.age_us), (_WHOLE, deal.life_us)):
            reached = [row for row in self.curves.get(place, ()) if row[0] <= age]
            for n, (_, count, chance) in enumerate(reversed(reached)):
                if count >= self.least and chance is not None:
                    by = "pipeline" if place == _WHOLE else "younger" if n else "stage"
                    return Said(chance=chance, by=_SAID[by], count=count)
        return Said(chance=None, by="nothing", count=0)

    @property
    def exposure_us(self) -> float | None:
        """For how long, on average over a start within the horizon, a new record could have been won by now.

        ∫ F(h − u) du over u from 0 to h, F the chance of a win by an age; None where that is not known.
        """
        if self.whole.total < self.least or not self.whole.knows(self.horizon_us):
            return None
        total, before = 0.0, 0.0
        for age, share in self.whole.steps_of("won"):
            if age > self.horizon_us:
                break
            total += (share - before) * (self.horizon_us - max(age - self.unit_us / 2, 0))
            before = share
        return total


def unit_of(horizon_us: int) -> int:
    """Return how finely a time ahead is told apart: a 96th of it, at least a microsecond."""
    return max(1, horizon_us // _PARTS)


def history(source: Source, scope: Scope, deals: Iterable[OpenDeal], horizon_us: int, least: int) -> History:
    """Read what the pipeline did, at the ages at which its records are open now."""
    unit = unit_of(horizon_us)
    horizon = min(horizon_us, unit * _PARTS) if horizon_us >= _PARTS else horizon_us
    ages = _ages(scope, deals, unit)
    text, params = _marks(scope, ages)
    plain = Scope(shape=scope.shape, as_of_us=scope.as_of_us, present=scope.present, zone=scope.zone)
    numbers = [str(m) for m in range(1, MARKS + 1)]
    passed = " + ".join(compose("parts/passed_mark", m=m) for m in numbers)
    nearest = " ".join(compose("parts/nearest_mark", m=m) for m in reversed(numbers))
    sql = compose(
        "forecasts/history",
        **plain.slots(),
        marks=text,
        passed=passed,
        nearest=f"CASE {nearest} ELSE 0 END",
    )
    params = plain.params() | params | {"horizon": horizon, "unit": unit}
    followed: dict[tuple[str, int], list[tuple[int, str, int]]] = defaultdict(list)
    for place, last, status, whole, count in rows_of(source, sql, params):
        for m, age in enumerate(ages[place][: last + 1]):
            if whole - age > 0 or m == 0:
                followed[place, m].append((whole - age, "" if status == "open" else status, count))
    curves = {
        place: [(age, *_row(followed[place, m], horizon)) for m, age in enumerate(many)]
        for place, many in ages.items()
    }
    return History(
        horizon_us=horizon,
        unit_us=unit,
        curves=curves,
        whole=aalen_johansen(followed[_WHOLE, 0]),
        least=least,
    )


def _row(ends: Sequence[tuple[int, str, int]], horizon: int) -> tuple[int, float | None]:
    """Return how many went on, and how many of them were won within the horizon."""
    then = aalen_johansen(ends).at(horizon)
    count = sum(many for _, _, many in ends)
    return count, float(then.shares.get("won", 0)) if then.known else None


def _ages(scope: Scope, deals: Iterable[OpenDeal], unit: int) -> dict[str, list[int]]:
    """Return the ages of every place: 0, and the tenths of the ages of those who are there now."""
    found: dict[str, list[int]] = defaultdict(list)
    for deal in deals:
        found[deal.stage].append(deal.age_us - deal.age_us % unit)
        found[_WHOLE].append(deal.life_us - deal.life_us % unit)
    ages = {}
    for place in (*scope.shape.places[:-1], _WHOLE):
        here = sorted(found[place])
        cuts = {here[len(here) * tenth // MARKS] for tenth in range(MARKS)} if here else set()
        ages[place] = sorted({0, *cuts})
    return ages


def _marks(scope: Scope, ages: Mapping[str, Sequence[int]]) -> tuple[str, Params]:
    """Return the ages as a relation, a row a place, and its parameters."""
    parts, params = [], Params()
    for n, place in enumerate((*scope.shape.places[:-1], _WHOLE), 1):
        listed = ", ".join(compose("parts/mark_age", n=str(n), m=str(m)) for m in range(1, MARKS + 1))
        parts.append(compose("parts/mark", n=str(n), ages=listed))
        params[f"place_{n}"] = place
        for m in range(1, MARKS + 1):
            params[f"age_{n}_{m}"] = ages[place][m] if m < len(ages[place]) else _NEVER
    return f"mark AS ({' UNION ALL '.join(parts)})", params
