"""The forecasts that every CRM has: what is open by category, by expected close, against a target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial

import attrs

from funnelkit.analytics.flow.potential import own_chance
from funnelkit.analytics.outcomes.endings import counted, ending_ids, number
from funnelkit.analytics.result import Group, Result, Row, check_cell, money_sums
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.clock import from_us
from funnelkit.errors import InputError, shown
from funnelkit.money import Money

__all__ = [
    "BEST",
    "COMMIT",
    "Categories",
    "Category",
    "Cell",
    "Closing",
    "Closings",
    "Coverage",
    "Covered",
    "cells",
    "coverage",
    "expected_closings",
    "forecast_categories",
    "targets_of",
]

COMMIT, BEST = 0.75, 0.4
_CATEGORIES = ("closed", "commit", "best case", "pipeline")
OVERDUE, NO_DATE, NOT_KEPT = "overdue", "no date", "not kept"
_CHANCES = (
    "its chance is the record's own where it has one, else that of its stage as defined now; for the past "
    "only the stage's, the record's own is not kept"
)


@attrs.frozen(kw_only=True)
class Cell:
    """Open records that are alike; ``due`` is a date or ``""``, ``chance`` is None where none is known."""

    key: str
    stage: str
    due: str
    currency: str
    chance: float | None
    count: int
    total: int


@attrs.define
class _Sums:
    """What open records add up to."""

    count: int = 0
    unpriced: int = 0
    unweighted: int = 0
    minor: dict[str, int] = attrs.field(factory=lambda: defaultdict(int))
    hoped: dict[str, Decimal] = attrs.field(factory=lambda: defaultdict(Decimal))

    def add(self, cell: Cell) -> None:
        self.count += cell.count
        self.unpriced += 0 if cell.currency else cell.count
        self.minor[cell.currency] += cell.total
        if cell.chance is None:
            self.unweighted += cell.count
        else:
            self.hoped[cell.currency] += cell.total * Decimal(str(cell.chance))

    @property
    def weighted(self) -> dict[str, Money]:
        return money_sums({code: int(n.to_integral_value(ROUND_HALF_EVEN)) for code, n in self.hoped.items()})


@attrs.frozen(kw_only=True)
class Category(Row):
    """One category, and all that are surer: ``closed`` is within ``commit``, that within ``best case``.

    Attributes:
        at_least: The chance from which on a record is in it; None for closed, and for pipeline: all open.
        count: Records; ``unpriced`` of them have no value, ``unweighted`` no chance is known of.
        sums: Currency → sum of the values.
        weighted: The same, each open one times its chance, without the unweighted ones; a currency in
            which no record has a chance is not there.
    """

    category: str
    at_least: float | None
    count: int
    unpriced: int
    unweighted: int
    sums: dict[str, Money] = attrs.field(hash=False)
    weighted: dict[str, Money] = attrs.field(hash=False)


class Categories(Result[Category]):
    """Records by category. A cell for `ids`: ``ids("commit")``."""


@attrs.frozen(kw_only=True)
class Closing(Row):
    """The open records that are expected to close in one month.

    Attributes:
        month: ``"2026-03"``, ``"overdue"``, ``"no date"``; ``"not kept"`` for the past.
        count: Records; ``unpriced`` have no value, ``unweighted`` no chance.
        sums, weighted: As in `Category`.
    """

    month: str
    count: int
    unpriced: int
    unweighted: int
    sums: dict[str, Money] = attrs.field(hash=False)
    weighted: dict[str, Money] = attrs.field(hash=False)


class Closings(Result[Closing]):
    """Open records by expected close. A cell for `ids`: ``ids("overdue")``."""


@attrs.frozen(kw_only=True)
class Covered(Row):
    """How often what is open covers what is missing.

    Attributes:
        target, booked: What is to be won, and what is won from ``since`` on.
        missing: Target less booked; 0 when it is met.
        open, weighted: What is open, and times its chance, without the unweighted ones.
        unweighted: Of the open records that count, those of which no chance is known.
        coverage, weighted_coverage: These by ``missing``; None with a reason when the target is met.
    """

    target: Money | int
    booked: Money | int
    missing: Money | int
    open: Money | int
    weighted: Money | float
    unweighted: int
    coverage: float | None
    weighted_coverage: float | None
    reason: str


class Coverage(Result[Covered]):
    """Coverage of a target. Cells for `ids`: ``ids("open")``, ``ids("booked")``."""


def cells(source: Source, scope: Scope) -> list[Cell]:
    """Return what is open: few rows for many records."""
    return [
        Cell(
            key=key, stage=stage, due=due, currency=code, chance=_said(scope, stage, own), count=n, total=sum_
        )
        for key, stage, due, code, own, n, sum_ in _rows(source, scope, "{due}")
    ]


def _rows(source: Source, scope: Scope, tail: str) -> list[tuple[str, str, str, str, float, int, int]]:
    due = "COALESCE(d.expected_close, '')" if scope.present else "''"
    slots = scope.slots() | own_chance(scope)
    text = compose("parts/due" if tail == "{due}" else "parts/due_ids")
    return rows_of(source, compose("forecasts/plain", **slots, due=due, tail=text), scope.params())


def _said(scope: Scope, stage: str, own: float) -> float | None:
    return float(own) if own >= 0 else scope.shape.probabilities.get(stage)


def _open_ids(
    source: Source, scope: Scope, wanted: Callable[[float | None, str], bool], group: Group
) -> list[str]:
    key = scope.key_of(group)
    return [
        str(record)
        for grp, stage, due, _, own, record, _ in _rows(source, scope, "ids")
        if grp == key and wanted(_said(scope, stage, own), due)
    ]


def forecast_categories(
    source: Source, scope: Scope, levels: tuple[float, float], since_us: int | None
) -> Categories:
    """Add up what is closed, and what is open by how sure it is."""
    commit, best = levels
    numbers = all(isinstance(level, int | float) for level in levels)
    if not numbers or not 0 <= best <= commit <= 1:
        raise InputError(
            "commit", f"{shown(commit)} and best {shown(best)} are not in order from 0 to 1", "give 0.75, 0.4"
        )
    from_chance: dict[str, float | None] = {
        "closed": None,
        "commit": commit,
        "best case": best,
        "pipeline": None,
    }
    found: dict[tuple[str, str], _Sums] = defaultdict(_Sums)
    for cell in cells(source, scope):
        for name in _CATEGORIES[1:]:
            if _is_in(cell.chance, from_chance[name], name):
                found[cell.key, name].add(cell)
    booked = _booked(source, scope, since_us)
    for (key, code), (records, total) in booked.items():
        sure = Cell(key=key, stage="", due="", currency=code, chance=1.0, count=records, total=total)
        for name in _CATEGORIES:
            found[key, name].add(sure)
    rows = [
        Category(
            group=scope.group_of(key),
            category=name,
            at_least=from_chance[name],
            count=sums.count,
            unpriced=sums.unpriced,
            unweighted=sums.unweighted,
            sums=money_sums(sums.minor),
            weighted=sums.weighted,
        )
        for key in _keys(scope, (key for key, _ in found))
        for name in _CATEGORIES
        for sums in [found[key, name]]
        if name != "closed" or since_us is not None
    ]
    about = scope.about(
        "forecast",
        "categories",
        sentence=f"each category holds the surer ones too: commit from a chance of {commit}, best case from "
        f"{best}, pipeline is all that is open; {_CHANCES}",
        population="open records of the pipeline" + ("" if since_us is None else ", and those won since"),
        time_axis="the creation of the record; closed ones by the win",
        formula="weighted = sum of value x chance",
    )

    def ids(which: str, *, group: Group = None) -> list[str]:
        check_cell("category", which, _CATEGORIES)
        won = [] if since_us is None else ending_ids(source, _since(scope, since_us), "won", group=group)
        if which == "closed":
            return won
        return won + _open_ids(source, scope, lambda p, _: _is_in(p, from_chance[which], which), group)

    return Categories(about=about, rows=tuple(rows), ids=ids)


def _is_in(chance: float | None, at_least: float | None, name: str) -> bool:
    return name == "pipeline" or (chance is not None and at_least is not None and chance >= at_least)


def expected_closings(source: Source, scope: Scope) -> Closings:
    """Add up what is open by the month in which it is expected to close."""
    today = f"{from_us(scope.as_of_us).astimezone(scope.zone):%Y-%m-%d}"
    month = partial(_month, scope, today)
    found: dict[tuple[str, str], _Sums] = defaultdict(_Sums)
    for cell in cells(source, scope):
        found[cell.key, month(cell.due)].add(cell)
    last = {OVERDUE: "", NO_DATE: "~1", NOT_KEPT: "~2"}
    rows = [
        Closing(
            group=scope.group_of(key),
            month=name,
            count=sums.count,
            unpriced=sums.unpriced,
            unweighted=sums.unweighted,
            sums=money_sums(sums.minor),
            weighted=sums.weighted,
        )
        for (key, name), sums in sorted(
            found.items(), key=lambda it: (it[0][0], last.get(it[0][1], it[0][1]))
        )
    ]
    about = scope.about(
        "forecast",
        "by expected close",
        sentence=f"open records by the month of their expected close; before {today} it is overdue; "
        f"{_CHANCES}; of the past no expected close is kept",
        population="open records of the pipeline",
        time_axis="the expected close, a plain date",
        formula="weighted = sum of value x chance",
    )

    def ids(which: str, *, group: Group = None) -> list[str]:
        check_cell("month", which, {OVERDUE, NO_DATE, NOT_KEPT, *(name for _, name in found)})
        return _open_ids(source, scope, lambda _, due: month(due) == which, group)

    return Closings(about=about, rows=tuple(rows), ids=ids)


def _month(scope: Scope, today: str, due: str) -> str:
    if not scope.present:
        return NOT_KEPT
    return NO_DATE if not due else OVERDUE if due < today else due[:7]


def coverage(source: Source, scope: Scope, targets: Mapping[Group, Money | int], since_us: int) -> Coverage:
    """Compare what is open with what is missing."""
    booked = _booked(source, scope, since_us)
    listed = cells(source, scope)
    rows = []
    for group, target in targets.items():
        key = scope.key_of(group)
        sums = _Sums()
        mine = [cell for cell in listed if cell.key == key]
        for cell in mine:
            sums.add(cell)
        if isinstance(target, Money):
            code = target.currency
            had: Money | int = Money(booked.get((key, code), (0, 0))[1], code)
            there: Money | int = Money(sums.minor[code], code)
            hoped: Money | float = sums.weighted.get(code, Money(0, code))
            vague = sum(cell.count for cell in mine if cell.chance is None and cell.currency == code)
        else:
            had = sum(records for (whose, _), (records, _) in booked.items() if whose == key)
            there, hoped = sums.count, sum(cell.count * (cell.chance or 0) for cell in mine)
            vague = sums.unweighted
        rows.append(attrs.evolve(_covered(group, target, had, (there, hoped)), unweighted=vague))
    about = scope.about(
        "coverage",
        "of a target",
        sentence="what is open, and what is open times its chance, by what is missing: the target less what "
        f"is won from {from_us(since_us).astimezone(scope.zone):%Y-%m-%d} on; {_CHANCES}",
        population="open records of the pipeline, and those won since; money of the target's currency only",
        time_axis="the creation of the record; booked ones by the win",
        formula="open / (target - booked)",
    )

    def ids(which: str, *, group: Group = None) -> list[str]:
        check_cell("column", which, ("open", "booked"))
        if which == "booked":
            return ending_ids(source, _since(scope, since_us), "won", group=group)
        return _open_ids(source, scope, lambda *_: True, group)

    return Coverage(about=about, rows=tuple(rows), ids=ids)


def _covered(
    group: Group, target: Money | int, booked: Money | int, hope: tuple[Money | int, Money | float]
) -> Covered:
    left = _units(target) - _units(booked)
    missing = max(int(left), 0)
    there, hoped = hope
    return Covered(
        group=group,
        target=target,
        booked=booked,
        missing=Money(missing, target.currency) if isinstance(target, Money) else missing,
        open=there,
        weighted=hoped,
        unweighted=0,
        coverage=_units(there) / missing if missing else None,
        weighted_coverage=_units(hoped) / missing if missing else None,
        reason="" if missing else "the target is met",
    )


def targets_of(scope: Scope, target: Money | int | Mapping[str, Money | int]) -> Mapping[Group, Money | int]:
    """Return group → target. Raises InputError where they do not fit what is grouped by."""
    many = isinstance(target, Mapping)
    if many is not (scope.by is not None) or scope.by != scope.column:
        raise InputError(
            "target", f"{shown(target)} does not fit by={scope.by!r}", "give one a group, and by="
        )
    given: Iterable[tuple[Group, Money | int]] = (
        target.items() if isinstance(target, Mapping) else [(None, target)]
    )
    found: dict[Group, Money | int] = dict(given)
    for each in found.values():
        if not isinstance(each, Money) and type(each) is not int:
            raise InputError("target", f"{shown(each)} is no amount", "give Money, or a number of wins")
    return found


def _units(amount: Money | float) -> float:
    return amount.minor if isinstance(amount, Money) else amount


def _booked(source: Source, scope: Scope, since_us: int | None) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (key, currency) → wins and minor units, from ``since`` on."""
    if since_us is None:
        return {}
    counts, sums = counted(source, _since(scope, since_us), "outcomes/endings", "{outcomes}")
    return {
        (key, code): (records, sums[key]["won"][code])
        for key in counts
        if number(counts[key], "won")
        for code, records in counts[key]["won"].items()
    }


def _since(scope: Scope, since_us: int) -> Scope:
    return attrs.evolve(scope, closed=(since_us, scope.as_of_us + 1))


def _keys(scope: Scope, found: Iterable[str]) -> list[str]:
    return sorted({*found}) if scope.column else [""]
