"""Who was on which stage at an instant, and how one instant came out of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

import attrs

from funnelkit.analytics import rolled
from funnelkit.analytics.result import Group, Result, Row, check_cell, money_sums
from funnelkit.analytics.scope import Scope, instant_of
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.clock import from_us
from funnelkit.errors import InputError
from funnelkit.money import Money

__all__ = ["Flow", "StageFlow", "Stock", "StockStage", "flow", "instants_of", "stock"]

Cells = Mapping[tuple[str, str], Mapping[str, tuple[int, int]]]
"""(Key of the group, stage) → currency → (records, minor units)."""

_ENTERED, _LEFT = (1, 2, 3), (4, 5, 6)
_KINDS = {
    "entered": _ENTERED,
    "left": _LEFT,
    "created": (1,),
    "reopened": (2,),
    "won": (4,),
    "lost": (5,),
}


@attrs.frozen(kw_only=True)
class StockStage(Row):
    """The records that were open on a stage at an instant.

    Attributes:
        instant: When.
        count: The records; ``unpriced`` of them had no value then.
        sums: Currency → sum of the values of that time.
    """

    instant: datetime
    stage: str
    label: str
    count: int
    unpriced: int
    sums: dict[str, Money] = attrs.field(hash=False)


class Stock(Result[StockStage]):
    """Records by instant and stage.

    A cell for `ids`: ``ids("offer")``, and ``ids("offer", "2026-03-01T00:00:00+00:00")`` where there are
    several instants (``row.instant.isoformat()``).
    """


@attrs.frozen(kw_only=True)
class StageFlow(Row):
    """What came onto a stage in a period and what left it: ``start + entered - left + handed == end``.

    Attributes:
        start, end: Records open on the stage just before the period, and at its end.
        entered, left: Moves onto the stage and off it, repeated ones too.
        created, reopened: Of ``entered``, those that came into being or back to life here.
        won, lost: Of ``left``, those that were closed so, a closing that was taken back later too.
        handed: Records that came under the filter or the group while they stayed, less those that
            left it so: an owner who changed. 0 where nothing is asked for by owner.
        start_sums, entered_sums, left_sums, end_sums: Currency → sum of the values of that time.
        changed_sums: What values that were edited while records stayed add to the sums.
    """

    stage: str
    label: str
    start: int
    entered: int
    left: int
    handed: int
    end: int
    created: int
    reopened: int
    won: int
    lost: int
    start_sums: dict[str, Money] = attrs.field(hash=False)
    entered_sums: dict[str, Money] = attrs.field(hash=False)
    left_sums: dict[str, Money] = attrs.field(hash=False)
    changed_sums: dict[str, Money] = attrs.field(hash=False)
    end_sums: dict[str, Money] = attrs.field(hash=False)


class Flow(Result[StageFlow]):
    """Stock and flow by stage. A cell for `ids`: ``ids("offer", "left")``, or start, entered, end, won."""


def stock(source: Source, scope: Scope, instants: Sequence[int]) -> Stock:
    """Count who was where at each of the instants, in microseconds; a query an instant."""
    found = {instant: _standing(source, scope, instant) for instant in instants}
    keys = sorted({key for cells in found.values() for key, _ in cells}) if scope.column else [""]
    rows = [
        StockStage(
            group=scope.group_of(key),
            instant=_said(scope, instant),
            stage=stage,
            label=scope.shape.label(stage),
            count=_records(cell),
            unpriced=cell.get("", (0, 0))[0],
            sums=money_sums({code: total for code, (_, total) in cell.items()}),
        )
        for key in keys
        for instant in instants
        for stage in scope.shape.places[:-1]
        for cell in [found[instant].get((key, stage), {})]
    ]
    about = scope.about(
        "stock",
        "at an instant",
        sentence="records open on a stage at the instant, by owner and value of that instant; what was "
        "done at the instant itself counts; records that are void as of then are nowhere",
        population="records that were open in the pipeline at the instant",
        time_axis="the instant of the stock; groups by month are of the creation of the record",
        formula="stock(t) = records whose last move up to t led onto the stage",
    )
    return Stock(about=about, rows=tuple(rows), ids=partial(_stock_ids, source, scope, tuple(instants)))


def flow(source: Source, scope: Scope, bounds: tuple[int, int]) -> Flow:
    """Count who came and who left from ``bounds[0]`` (included) to ``bounds[1]`` (excluded)."""
    low = min(bounds[0] - 1, scope.as_of_us)
    high = max(low, min(bounds[1] - 1, scope.as_of_us))
    before, after = _standing(source, scope, low), _standing(source, scope, high)
    turned: dict[tuple[str, str], dict[int, dict[str, tuple[int, int]]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    params = scope.params() | {"since_us": low, "at_us": high}
    for key, stage, kind, code, moves, total in rows_of(
        source, compose("flow/flow", **scope.slots(), tail="{turned}"), params
    ):
        turned[key, stage][kind][code] = moves, total
    keys = sorted({key for cells in (before, after, turned) for key, _ in cells}) if scope.column else [""]
    rows = [
        _stage_flow(
            scope.group_of(key),
            (stage, scope.shape.label(stage)),
            before.get((key, stage), {}),
            after.get((key, stage), {}),
            turned.get((key, stage), {}),
        )
        for key in keys
        for stage in scope.shape.places[:-1]
    ]
    about = scope.about(
        "flow",
        "stock and flow",
        sentence="records on a stage before the period, moves onto it and off it, and records on it at the "
        "end; each by owner and value of that time",
        population="records that were open in the pipeline at some time, without those that are void",
        time_axis="the move, from the first bound (included) to the second (excluded)",
        formula="start + entered - left + handed = end, and the same for the sums of each currency",
    )
    return Flow(about=about, rows=tuple(rows), ids=partial(_flow_ids, source, scope, (low, high)))


def _stage_flow(
    group: Group,
    names: tuple[str, str],
    before: Mapping[str, tuple[int, int]],
    after: Mapping[str, tuple[int, int]],
    turned: Mapping[int, Mapping[str, tuple[int, int]]],
) -> StageFlow:
    numbers = {name: sum(_records(turned.get(kind, {})) for kind in kinds) for name, kinds in _KINDS.items()}
    sums = {name: _totals(turned.get(kind, {}) for kind in kinds) for name, kinds in _KINDS.items()}
    start, end = _records(before), _records(after)
    first, last = _totals([before]), _totals([after])
    changed = {
        code: last.get(code, 0)
        - first.get(code, 0)
        - sums["entered"].get(code, 0)
        + sums["left"].get(code, 0)
        for code in {*first, *last, *sums["entered"], *sums["left"]}
    }
    return StageFlow(
        group=group,
        stage=names[0],
        label=names[1],
        start=start,
        end=end,
        handed=end - start - numbers["entered"] + numbers["left"],
        **numbers,
        start_sums=money_sums(first),
        entered_sums=money_sums(sums["entered"]),
        left_sums=money_sums(sums["left"]),
        changed_sums=money_sums({code: minor for code, minor in changed.items() if minor}),
        end_sums=money_sums(last),
    )


def instants_of(scope: Scope, given: datetime | date | Iterable[datetime | date] | None) -> tuple[int, ...]:
    """Return the instants that were asked for, in microseconds; default: ``as_of``."""
    if given is None:
        return (scope.as_of_us,)
    many: list[Any] = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    instants = tuple(dict.fromkeys(instant_of(instant, "at", scope.zone) for instant in many))
    if late := [instant for instant in instants if instant > scope.as_of_us]:
        raise InputError("at", f"{_said(scope, late[0])} is after as_of", "nothing is known of it then")
    return instants


def _standing(source: Source, scope: Scope, instant: int) -> Cells:
    found: dict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    rows = rolled.stock(source, scope, instant)
    if rows is None:
        sql = compose("outcomes/state", **_slots(scope), tail="{stock}")
        rows = rows_of(source, sql, scope.params() | {"at_us": instant})
    for key, stage, code, records, total in rows:
        found[key, stage][code] = records, total
    return found


def _slots(scope: Scope) -> dict[str, str]:
    """Return the clauses for an instant: places, owners and values of then, void ones as of ``as_of``."""
    until = {"until": ":at_us"}
    edits = {
        f"{field}_edit": compose("parts/field", name=f"{field}_edit", field=f"'{field}'", **until)
        for field in ("owner", "value")
    }
    return scope.slots() | edits | until


def _records(cell: Mapping[str, tuple[int, int]]) -> int:
    return sum(records for records, _ in cell.values())


def _totals(cells: Iterable[Mapping[str, tuple[int, int]]]) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for cell in cells:
        for code, (_, total) in cell.items():
            totals[code] += total
    return totals


def _said(scope: Scope, instant: int) -> datetime:
    return from_us(instant).astimezone(scope.zone)


def _stock_ids(
    source: Source, scope: Scope, instants: tuple[int, ...], stage: str, *rest: str, group: Group = None
) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    names = {_said(scope, instant).isoformat(): instant for instant in instants}
    (name,) = rest or ((*names,) if len(names) == 1 else ("",))
    check_cell("instant", name, names)
    return _there(source, scope, stage, names[name], group)


def _flow_ids(
    source: Source, scope: Scope, bounds: tuple[int, int], stage: str, which: str, *, group: Group = None
) -> list[str]:
    check_cell("stage", stage, scope.shape.places[:-1])
    check_cell("column", which, ("start", "end", *_KINDS))
    if which in ("start", "end"):
        return _there(source, scope, stage, bounds[which == "end"], group)
    kinds = " OR ".join(f"kind = {kind}" for kind in _KINDS[which])
    where = f"stage = :stage AND grp = :key AND ({kinds})"
    sql = compose("flow/flow", **scope.slots(), tail="{ids}", cell="turned", where=where)
    params = scope.params() | {"since_us": bounds[0], "at_us": bounds[1]}
    params |= {"stage": stage, "key": scope.key_of(group)}
    return [record for (record,) in rows_of(source, sql, params)]


def _there(source: Source, scope: Scope, stage: str, instant: int, group: Group) -> list[str]:
    where = "stage = :stage AND grp = :key AND status = 'open'"
    sql = compose("outcomes/state", **_slots(scope), tail="{ids}", cell="state", where=where)
    params = scope.params() | {"at_us": instant, "stage": stage, "key": scope.key_of(group)}
    return [record for (record,) in rows_of(source, sql, params)]
