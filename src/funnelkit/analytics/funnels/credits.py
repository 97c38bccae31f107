"""Credits: which rows of the ledger put a record into which rows of a funnel.

A credit is one row of the ledger that brings a record into the places above ``low`` up to ``high``
(1 is the first stage, behind the last one comes ``won``; 0 is the population of a ``closed`` funnel).
The definitions of a funnel differ in their credits alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any, Literal

import attrs

from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of

__all__ = [
    "DEFINITIONS",
    "Definition",
    "DefinitionName",
    "Plan",
    "Tallies",
    "Tally",
    "credit_ids_text",
    "params_of",
    "skipped",
    "tallied",
]

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


Tallies = dict[str, "Tally"]
"""By key of the group."""


def tallied(source: Source, scope: Scope, plan: Plan) -> tuple[Tallies, Callable[[], Tallies]]:
    """Add the credits up; return what has the counts and the rates, and what gives the sums.

    The sums of a plain funnel take longer than its counts, so they are read on first use.
    """
    if _is_plain(source, scope, plan):
        counted = _fold(_plain_counts(source, scope, plan), len(plan.places))
        return counted, cache(lambda: _fold(_plain_lifts(source, scope, plan), len(plan.places)))
    tallies = _fold(_credits(source, scope, plan), len(plan.places))
    return tallies, lambda: tallies


def skipped(source: Source, scope: Scope, plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Yield (key of the group, stage, records that count there without having been there)."""
    if not plan.skips:
        return
    if _is_plain(source, scope, plan):  # who was on a stage counts there, so the difference is who was not
        counts = _fold(_plain_counts(source, scope, plan), len(plan.places))[""].counts
        visits: dict[str, int] = defaultdict(int)
        for stage, records in rows_of(source, compose("funnels/visits", **_born(scope)), scope.params()):
            visits[stage] += records
        for place, stage in enumerate(plan.places[:-1], 1):
            yield "", stage, counts[place] - visits[stage]
        return
    for key, tally in _fold(_credits(source, scope, plan, masked=True), len(plan.places)).items():
        for place, records in tally.skipped.items():
            if 0 < place < len(plan.places):
                yield key, plan.places[place - 1], records


def credit_ids_text(scope: Scope, plan: Plan, where: str) -> str:
    """Return the text that lists the records of the credits that meet a condition."""
    return _credit_text(scope, plan, tail="{ids}", cell="chained", where=where, **_MASKED)


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


class Tally:
    """Running sums of one group; index 0 is the population of a ``closed`` funnel."""

    def __init__(self, size: int) -> None:
        self.counts: dict[int, int] = defaultdict(int)
        self.passed: dict[int, int] = defaultdict(int)
        self.passed_first: dict[int, int] = defaultdict(int)
        self.skipped: dict[int, int] = defaultdict(int)
        self.minor: list[dict[str, int]] = [defaultdict(int) for _ in range(size + 1)]


Credit = tuple[Any, ...]
"""low, high, grp, kept, grp_before, kept_before, grp_first, kept_first, mask, currency, records, total."""


def _fold(credits_: Iterable[Credit], size: int) -> dict[str, Tally]:
    """Add credits up to counts, and to the numerators of both rates, by key of the group."""
    tallies: dict[str, Tally] = defaultdict(partial(Tally, size))
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


def _plain_counts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits of a plain funnel without their values: one scan of an index."""
    found = rows_of(source, compose("funnels/counts", **_born(scope)), scope.params())
    return [_plain_credit(plan, low, high, ("", records, 0)) for _, low, high, records in found]


def _plain_lifts(source: Source, scope: Scope, plan: Plan) -> list[Credit]:
    """Read the credits of a plain funnel with their values."""
    found = rows_of(source, compose("funnels/lifts", **_born(scope)), scope.params())
    return [_plain_credit(plan, low, high, tuple(sums)) for _, low, high, *sums in found]


def _plain_credit(plan: Plan, before: str, after: str, sums: tuple[Any, ...]) -> Credit:
    order = {place: n for n, place in enumerate(plan.places, 1)} | {"": 0}
    low, high = order[before], order[after]
    return low, high, "", 1, "", int(low > 0), "", 1, -1, *sums


def _born(scope: Scope) -> dict[str, str]:
    """Return the clauses that keep to a period of creation, where there is one."""
    bounds = "AND {0}created_us >= :created_from AND {0}created_us < :created_to"
    if scope.created == ALWAYS:
        bounds = ""
    return {"born": bounds.format(""), "born_of_closing": bounds.format("c.")}


def _credits(source: Source, scope: Scope, plan: Plan, *, masked: bool = False) -> list[Credit]:
    """Read the credits; ``masked`` brings along on which stages the records were."""
    slots = _MASKED if masked else _UNMASKED
    return rows_of(source, _credit_text(scope, plan, tail="{fold}", **slots), params_of(scope, plan))


_UNMASKED = {"mask": "0", "masked": ""}
_MASKED = {"mask": "s.mask", "masked": "JOIN seen AS s ON s.record_id = k.record_id"}


def _credit_text(scope: Scope, plan: Plan, **slots: str) -> str:
    numbers = range(1, len(plan.places) + 1)
    steps = (compose("parts/step", n=str(n), before=str(n - 1)) for n in numbers[1:])
    firsts = (compose("parts/first", n=str(n)) for n in numbers)
    ordered = {
        "anchor": "entry = 1" if plan.anchor == "first" else "entry > 0",
        "steps": "".join(f"{step}, " for step in steps),
        "firsts": " UNION ALL ".join(firsts),
    }
    return compose(f"funnels/credit_{plan.definition.name}", **scope.slots(), **ordered, **slots)


def params_of(scope: Scope, plan: Plan) -> Params:
    """Return every parameter that the texts of a funnel may name."""
    steps = {f"step_{n}": place for n, place in enumerate(plan.places, 1)}
    return {**scope.params(), **steps, "within": plan.within_us}
