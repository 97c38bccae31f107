"""The funnel: how many records got how far, under five named definitions of "got".

Two records of one history can be counted in different ways, and every CRM picks one without saying
so. Here each way has a name; a result says which it is, and what became of the others.

SQL hands over *credits*: one row of the ledger credits a record with the places above ``low`` up to
``high`` (1 is the first stage, behind the last one comes ``won``). All definitions differ in their
credits alone; counting, rates and sums are the same for all.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, Literal

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import About, Group, Result, Row, money_sums, no_cell
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["DEFINITIONS", "Definition", "Fate", "Funnel", "FunnelRow", "Plan", "measure"]

DefinitionName = Literal["reached", "visited", "bitrix24", "ordered", "closed"]

_CREATED = "the creation of the record"
_LIVING = "records created in or moved into the pipeline by then, without void ones"


@attrs.frozen
class Definition:
    """What one kind of funnel counts, in words."""

    name: DefinitionName
    sentence: str
    population: str = _LIVING
    time_axis: str = _CREATED


DEFINITIONS: dict[DefinitionName, Definition] = {
    item.name: item
    for item in (
        Definition(
            "reached",
            "a record counts in every stage up to the furthest it was ever on; a win that stands passes all",
        ),
        Definition("visited", "a record counts in the stages it was ever on, and in no other"),
        Definition(
            "bitrix24",
            "an open record counts in every stage up to its present one, a won record in all, any other "
            "where it was",
        ),
        Definition(
            "ordered",
            "a record counts in a step when it did all steps before it in their order, all within the window",
        ),
        Definition(
            "closed",
            "a record counts in a stage when it was not lost there or before; rates start at the population",
            "records won or lost in the period whose closing stands as of then",
            "the closing of the record",
        ),
    )
}


@attrs.frozen(kw_only=True)
class Plan:
    """Which funnel to count.

    Attributes:
        definition: One of `DEFINITIONS`.
        places: What the rows are: stages and ``"won"``, or the steps of an ordered funnel.
        within_us: The window of an ordered funnel: from the first step to the last, included.
        anchor: Which entry into the first step may start the window: ``"any"`` or ``"first"``.
    """

    definition: Definition
    places: tuple[str, ...]
    within_us: int = ALWAYS[1]
    anchor: Literal["any", "first"] = "any"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rows: places, a repeated one with its number."""
        counts = [self.places[: n + 1].count(place) for n, place in enumerate(self.places)]
        return tuple(p if n == 1 else f"{p} ({n})" for p, n in zip(self.places, counts, strict=True))

    @property
    def skips(self) -> bool:
        """Whether a record can count in a stage that it was never on."""
        return self.definition.name in ("reached", "bitrix24", "closed")


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
        fate: What became of the records here. Read on first use.
    """

    stage: str
    label: str
    count: int
    of_previous: Rate | None
    of_first: Rate
    sums: dict[str, Money] = attrs.field(hash=False)
    _fate: Callable[[], Fate] = attrs.field(alias="fate", eq=False, repr=False)

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

    def _notes(self) -> list[str]:
        unknown = sum(fates().unknown for fates in self._fates)
        quality = {
            "void records, outside of every count": self.void,
            "records on a stage that the pipeline does not have": unknown,
        }
        about = attrs.evolve(self.about, quality=quality, complete=self.is_complete)
        return about.notes()

    @classmethod
    def _joined(cls, about: About, parts: Mapping[str, Result[FunnelRow]]) -> dict[str, Any]:
        lazy = [part._fates for part in parts.values() if isinstance(part, Funnel)]  # noqa: SLF001
        return super()._joined(about, parts) | {"fates": tuple(fates for many in lazy for fates in many)}


def measure(source: Source, scope: Scope, plan: Plan) -> Funnel:
    """Count a funnel: one query; what became of the records is asked when somebody looks."""
    fates = cache(partial(_read_fates, source, scope, plan))
    plain = _is_plain(source, scope, plan)
    tallies = _fold(_lifts(source, scope, plan) if plain else _credits(source, scope, plan), len(plan.places))
    keys = {key for key, tally in tallies.items() if tally.counts} if scope.column else {""}
    if scope.column:
        keys |= {key for key, _ in fates().by_place}
    rows = [row for key in sorted(keys) for row in _rows(tallies[key], plan, scope, key=key, fates=fates)]
    return Funnel(
        about=_about(scope, plan),
        rows=tuple(rows),
        ids=partial(_ids, source, scope, plan),
        fates=(fates,),
    )


def _is_plain(source: Source, scope: Scope, plan: Plan) -> bool:
    """Whether the carried facts answer: nothing filtered or grouped, and no stage out of today's order.

    A stage that was moved or taken out since makes the furthest stage of its time another one today.
    """
    if plan.definition.name != "reached" or not scope.is_plain:
        return False
    sql = "SELECT document FROM definition WHERE pipeline = :pipeline"
    stages = [stage for stage, _ in scope.shape.stages]
    for (document,) in source.query(sql, {"pipeline": scope.shape.pipeline}):
        today = iter(stages)
        if not all(stage["id"] in today for stage in json.loads(document)["stages"]):
            return False
    return True


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


class _Tally:
    """Running sums of one group; index 0 is the population of a ``closed`` funnel."""

    def __init__(self, size: int) -> None:
        self.counts: dict[int, int] = defaultdict(int)
        self.passed: dict[int, int] = defaultdict(int)
        self.passed_first: dict[int, int] = defaultdict(int)
        self.skipped: dict[int, int] = defaultdict(int)
        self.minor: list[dict[str, int]] = [defaultdict(int) for _ in range(size + 1)]


Credit = tuple[int, int, str, int, str, int, str, int, int, str, int, int]
"""low, high, grp, kept, grp_before, kept_before, grp_first, kept_first, mask, currency, records, total."""


def _fold(credits_: Iterable[Credit | tuple[Any, ...]], size: int) -> dict[str, _Tally]:
    """Add credits up to counts, and to the numerators of both rates, by key of the group."""
    tallies: dict[str, _Tally] = defaultdict(partial(_Tally, size))
    for (
        low,
        high,
        key,
        kept,
        key_before,
        kept_before,
        key_first,
        kept_first,
        mask,
        code,
        n,
        total,
    ) in credits_:
        for place in range(low + 1, high + 1):
            if kept:
                tally = tallies[key]
                tally.counts[place] += n
                tally.minor[place][code] += total
                if not mask >> place & 1:
                    tally.skipped[place] += n
            from_key, from_kept = (key_before, kept_before) if place == low + 1 else (key, kept)
            if from_kept:
                tallies[from_key].passed[place] += n
            if kept_first:
                tallies[key_first].passed_first[place] += n
    return tallies


def _rows(
    tally: _Tally, plan: Plan, scope: Scope, *, key: str, fates: Callable[[], Fates]
) -> list[FunnelRow]:
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
                sums=money_sums(tally.minor[n]),
                fate=partial(_fate_of, fates, key, name),
            )
        )
    return rows


def _fate_of(fates: Callable[[], Fates], key: str, name: str) -> Fate:
    return fates().of(key, name)


def _lifts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits of an unfiltered ``reached`` funnel: one scan of an index."""
    order = {place: n for n, place in enumerate(plan.places, 1)} | {"": 0}
    found = rows_of(source, compose("funnel_lifts", **_born(scope)), scope.params())
    return [
        (order[low], order[high], "", 1, "", int(order[low] > 0), "", 1, -1, code, records, total)
        for _, low, high, code, records, total in found
    ]


def _born(scope: Scope) -> dict[str, str]:
    """Return the clauses that keep to a period of creation, where there is one."""
    bounds = "AND {0}created_us >= :created_from AND {0}created_us < :created_to"
    if scope.created == ALWAYS:
        bounds = ""
    return {"born": bounds.format(""), "born_of_closing": bounds.format("c.")}


def _credits(source: Source, scope: Scope, plan: Plan, *, masked: bool = False) -> list[tuple[Any, ...]]:
    """Read the credits; ``masked`` brings along on which stages the records were."""
    slots = _MASKED if masked else _UNMASKED
    return rows_of(source, _credit_text(scope, plan, tail="{fold}", **slots), _params(scope, plan))


_UNMASKED = {"mask": "0", "masked": ""}
_MASKED = {"mask": "s.mask", "masked": "JOIN seen AS s ON s.record_id = k.record_id"}


def _credit_text(scope: Scope, plan: Plan, **slots: str) -> str:
    numbers = range(1, len(plan.places) + 1)
    steps = (compose("part_step", n=str(n), before=str(n - 1)) for n in numbers[1:])
    firsts = (compose("part_first", n=str(n)) for n in numbers)
    ordered = {
        "anchor": "entry = 1" if plan.anchor == "first" else "entry > 0",
        "steps": "".join(f"{step}, " for step in steps),
        "firsts": " UNION ALL ".join(firsts),
    }
    return compose(f"credit_{plan.definition.name}", **scope.slots(), **ordered, **slots)


def _params(scope: Scope, plan: Plan) -> Params:
    steps = {f"step_{n}": place for n, place in enumerate(plan.places, 1)}
    return {**scope.params(), **steps, "within": plan.within_us}


def _fate_slots(scope: Scope, plan: Plan, text: str) -> dict[str, str]:
    """Return the clauses; those of a ``closed`` funnel keep to its population."""
    closing = _IN_PERIOD[text] if plan.definition.name == "closed" else ""
    return scope.slots() | {"closing": closing}


_IN_PERIOD = {
    "state": (
        "AND m.status <> 'open' AND m.status <> 'moved_away' "
        "AND m.moved_us >= :closed_from AND m.moved_us < :closed_to"
    ),
    "went_back": "JOIN ended AS e ON e.record_id = m.record_id",
}


def _read_fates(source: Source, scope: Scope, plan: Plan) -> Fates:
    params = _params(scope, plan)
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    void = unknown = 0
    states = compose("state", tail="{fates}", **_fate_slots(scope, plan, "state"))
    for key, stage, status, records in rows_of(source, states, params):
        void += records if status == "void" else 0
        unknown += 0 if stage in scope.shape.places else records
        if status != "won":
            found[key, stage][status] = records
    backs = compose("went_back", tail="{backs}", **_fate_slots(scope, plan, "went_back"))
    for key, stage, records in rows_of(source, backs, params):
        found[key, stage]["went_back"] = records
    for key, stage, records in _skipped(source, scope, plan):
        found[key, stage]["skipped"] = records
    return Fates(by_place={at: Fate(**counts) for at, counts in found.items()}, void=void, unknown=unknown)


def _skipped(source: Source, scope: Scope, plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Yield (key of the group, stage, records that count there without having been there)."""
    if not plan.skips:
        return
    if _is_plain(source, scope, plan):  # who was on a stage counts there, so the difference is who was not
        counts = _fold(_lifts(source, scope, plan), len(plan.places))[""].counts
        visits: dict[str, int] = defaultdict(int)
        for stage, records in rows_of(source, compose("visits", **_born(scope)), scope.params()):
            visits[stage] += records
        for place, stage in enumerate(plan.places[:-1], 1):
            yield "", stage, counts[place] - visits[stage]
        return
    for key, tally in _fold(_credits(source, scope, plan, masked=True), len(plan.places)).items():
        for place, records in tally.skipped.items():
            if 0 < place < len(plan.places):
                yield key, plan.places[place - 1], records


_FATES: dict[str, tuple[str, str, str]] = {
    **{
        status: ("state", "state", f"stage = :stage AND grp = :key AND status = '{status}'")
        for status in ("lost", "void", "open", "moved_away")
    },
    "went_back": ("went_back", "backward", "stage = :stage AND grp = :key AND times = 1 AND kept = 1"),
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
    if stage not in plan.names:
        raise no_cell("stage", stage, plan.names)
    if column not in _CREDITS and column not in _FATES:
        raise no_cell("column", column, [*_CREDITS, *_FATES])
    place = plan.names.index(stage) + 1
    if column == "skipped" and (not plan.skips or place == len(plan.places)):
        return []
    params = _params(scope, plan) | {
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
        sql = _credit_text(scope, plan, tail="{ids}", cell="chained", where=_CREDITS[column], **_MASKED)
    return [record for (record,) in rows_of(source, sql, params)]
