"""The funnel: how many records got how far, under five named definitions of "got".

Two records of one history can be counted in different ways, and every CRM picks one without saying
so. Here each way has a name; a result says which it is, and what became of the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import attrs

from funnelkit.analytics.funnels.credits import (
    Tallies,
    Tally,
    credit_ids_text,
    params_of,
    skipped,
    tallied,
)
from funnelkit.analytics.funnels.plans import Plan
from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import About, Group, Result, Row, check_cell, money_sums, no_cell
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.svg import funnel_svg
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["Fate", "Funnel", "FunnelRow", "measure"]


@attrs.frozen(kw_only=True)
class Fate:
    """What became of records on one stage.

    Attributes:
        lost, void, open: Records that were lost there, became void there, are there.
        went_back: Distinct records that ever left it backward.
        skipped: Records that count in the stage without ever having been on it.
        moved_away: Records that left the pipeline from there for another one.
    """

    lost: int = 0
    void: int = 0
    open: int = 0
    went_back: int = 0
    skipped: int = 0
    moved_away: int = 0


@attrs.frozen(kw_only=True)
class Fates:
    """Fates by key of the group and place, and the void records of all groups."""

    by_place: dict[tuple[str, str], Fate]
    void: int
    unknown: int

    def of(self, key: str, place: str) -> Fate:
        """Return the fate at a place; nothing happened where nothing is known."""
        return self.by_place.get((key, place), Fate())


@attrs.frozen(kw_only=True)
class FunnelRow(Row):
    """One stage of a funnel, or its end ``won``.

    Attributes:
        stage, label: The stage; a step that comes twice in an ordered funnel is ``"call (2)"``.
        count: Records that count here.
        of_previous: Of the records in the row before, those that are in this one too; None in the
            first row.
        of_first: Of the records in the first row, those that are in this one too.
        sums: Currency → sum of the values that the records had when they were credited with this row.
            Read on first use, as is the fate.
        fate: What became of the records here.
    """

    stage: str
    label: str
    count: int
    of_previous: Rate | None
    of_first: Rate
    _sums: Callable[[], dict[str, Money]] = attrs.field(alias="sums", eq=False, repr=False)
    _fate: Callable[[], Fate] = attrs.field(alias="fate", eq=False, repr=False)

    @property
    def sums(self) -> dict[str, Money]:
        """Sums of the values at the time of the credit, by currency."""
        return self._sums()

    @property
    def fate(self) -> Fate:
        """What became of the records on this stage."""
        return self._fate()

    def values(self) -> dict[str, object]:
        """Return the columns in the order in which they are shown."""
        named = ("group", "stage", "label", "count", "of_previous", "of_first", "sums")
        return {name: getattr(self, name) for name in named} | attrs.asdict(self.fate)


@attrs.frozen(kw_only=True)
class Funnel(Result[FunnelRow]):
    """Counts by stage. Cells for `ids`: ``ids("proposal")``, ``ids("proposal", "lost")``.

    The second word is a column: ``count`` (the default), ``of_previous`` and ``of_first`` (the
    numerators), ``lost``, ``void``, ``open``, ``went_back``, ``skipped``, ``moved_away``.
    """

    _fates: tuple[Callable[[], Fates], ...] = attrs.field(alias="fates", eq=False, repr=False)

    def __getitem__(self, stage: str) -> FunnelRow:
        """Return the first row of a stage, or of ``"won"``."""
        for row in self.rows:
            if row.stage == stage:
                return row
        raise no_cell("stage", stage, dict.fromkeys(row.stage for row in self.rows))

    @property
    def void(self) -> int:
        """Void records of the pipeline: outside of every count."""
        return sum(fates().void for fates in self._fates)

    @property
    def is_complete(self) -> bool:
        """Whether no record is open any more, so that the counts are final."""
        return not any(row.fate.open for row in self.rows)

    def counts(self) -> dict[str, int]:
        """Return stage → count, for a funnel that is not grouped."""
        return {row.stage: row.count for row in self.rows}

    def _repr_html_(self) -> str:
        rows = [(row.label, row.count, str(row.of_previous or "")) for row in self.rows]
        picture = "" if self.about.by else funnel_svg(rows, self.about.title(self._words))
        return super()._repr_html_() + picture

    def _about(self) -> About:
        unknown = sum(fates().unknown for fates in self._fates)
        quality = {
            "void records, outside of every count": self.void,
            "records on a stage that the pipeline does not have": unknown,
        }
        return attrs.evolve(self.about, quality=quality, complete=self.is_complete)

    @classmethod
    def _joined(cls, about: About, parts: Mapping[str, Result[FunnelRow]]) -> dict[str, Any]:
        lazy = [part._fates for part in parts.values() if isinstance(part, Funnel)]  # noqa: SLF001
        return super()._joined(about, parts) | {"fates": tuple(fates for many in lazy for fates in many)}


Lazy = tuple[Callable[[], Tallies], Callable[[], Fates]]
"""What gives the sums, and what gives the fates."""


def measure(source: Source, scope: Scope, plan: Plan) -> Funnel:
    """Count a funnel: one query; sums and what became of the records are asked when somebody looks."""
    fates = cache(partial(_read_fates, source, scope, plan))
    tallies, priced = tallied(source, scope, plan)
    keys = {key for key, tally in tallies.items() if tally.counts} if scope.column else {""}
    if scope.column:
        keys |= {key for key, _ in fates().by_place}
    rows = [
        row for key in sorted(keys) for row in _rows(tallies[key], plan, scope, key, read=(priced, fates))
    ]
    return Funnel(
        about=_about(scope, plan),
        rows=tuple(rows),
        ids=partial(_ids, source, scope, plan),
        fates=(fates,),
    )


def _about(scope: Scope, plan: Plan) -> About:
    hours = plan.within_us / 3.6e9
    window = "" if plan.within_us == ALWAYS[1] else f", window {hours:g} h ({plan.anchor} start)"
    return scope.about(
        "funnel",
        plan.definition.name,
        sentence=plan.definition.sentence + window,
        population=plan.definition.population,
        time_axis=plan.definition.time_axis,
    )


def _rows(tally: Tally, plan: Plan, scope: Scope, key: str, *, read: Lazy) -> list[FunnelRow]:
    priced, fates = read
    start = 0 if plan.definition.name == "closed" else 1
    rows = []
    for n, (name, place) in enumerate(zip(plan.names, plan.places, strict=True), 1):
        before = plan.names[n - 2] if n > 1 else "the population"
        of_previous = Rate.of(tally.passed[n], tally.counts[n - 1], f"nobody is in {before}")
        rows.append(
            FunnelRow(
                group=scope.group_of(key),
                stage=name,
                label=scope.shape.label(place),
                count=tally.counts[n],
                of_previous=of_previous if n > start else None,
                of_first=Rate.of(tally.passed_first[n], tally.counts[start], "nobody is in the first row"),
                sums=partial(_sums_of, priced, key, n),
                fate=partial(_fate_of, fates, key, name),
            )
        )
    return rows


def _sums_of(priced: Callable[[], Tallies], key: str, place: int) -> dict[str, Money]:
    return money_sums(priced()[key].minor[place])


def _fate_of(fates: Callable[[], Fates], key: str, name: str) -> Fate:
    return fates().of(key, name)


def _fate_slots(scope: Scope, plan: Plan, text: str) -> dict[str, str]:
    """Return the clauses; those of a ``closed`` funnel keep to its population."""
    closing = _IN_PERIOD[text] if plan.definition.name == "closed" else ""
    return scope.slots() | {"closing": closing}


_IN_PERIOD = {
    "outcomes/state": (
        "AND m.direction = 'close' AND m.moved_us >= :closed_from AND m.moved_us < :closed_to"
    ),
    "funnels/went_back": "JOIN ended AS e ON e.record_id = m.record_id",
}


def _read_fates(source: Source, scope: Scope, plan: Plan) -> Fates:
    params = params_of(scope, plan)
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    void = unknown = 0
    states = compose("outcomes/state", tail="{fates}", **_fate_slots(scope, plan, "outcomes/state"))
    for key, stage, status, records in rows_of(source, states, params):
        void += records if status == "void" else 0
        unknown += 0 if stage in scope.shape.places else records
        if status != "won":
            found[key, stage][status] = records
    backs = compose("funnels/went_back", tail="{backs}", **_fate_slots(scope, plan, "funnels/went_back"))
    for key, stage, records in rows_of(source, backs, params):
        found[key, stage]["went_back"] = records
    for key, stage, records in skipped(source, scope, plan):
        found[key, stage]["skipped"] = records
    return Fates(by_place={at: Fate(**counts) for at, counts in found.items()}, void=void, unknown=unknown)


_FATES: dict[str, tuple[str, str, str]] = {
    **{
        status: ("outcomes/state", "state", f"stage = :stage AND grp = :key AND status = '{status}'")
        for status in ("lost", "void", "open", "moved_away")
    },
    "went_back": (
        "funnels/went_back",
        "backward",
        "stage = :stage AND grp = :key AND times = 1 AND kept = 1",
    ),
}
"""Column → text, relation and condition that give the records behind it."""

_COUNTED = "low < :ord AND high >= :ord AND kept = 1 AND grp = :key"
_CREDITS: dict[str, str] = {
    "count": _COUNTED,
    "of_previous": (
        "high >= :ord AND ((low = :ord - 1 AND kept_before = 1 AND grp_before = :key) "
        "OR (low < :ord - 1 AND kept = 1 AND grp = :key))"
    ),
    "of_first": "low < :ord AND high >= :ord AND kept_first = 1 AND grp_first = :key",
    "skipped": f"{_COUNTED} AND mask % :twice < :bit",
}


def _ids(
    source: Source, scope: Scope, plan: Plan, stage: str, column: str = "count", *, group: Group = None
) -> list[str]:
    check_cell("stage", stage, plan.names)
    check_cell("column", column, [*_CREDITS, *_FATES])
    place = plan.names.index(stage) + 1
    if column == "skipped" and (not plan.skips or place == len(plan.places)):
        return []
    params = params_of(scope, plan) | {
        "stage": stage,
        "key": scope.key_of(group),
        "ord": place,
        "bit": 2**place,
        "twice": 2 ** (place + 1),
    }
    if column in _FATES:
        text, cell, where = _FATES[column]
        sql = compose(text, **_fate_slots(scope, plan, text), tail="{ids}", cell=cell, where=where)
    else:
        sql = credit_ids_text(scope, plan, _CREDITS[column])
    return [record for (record,) in rows_of(source, sql, params)]
