"""Credits: which rows of the ledger put a record into which rows of a funnel.

A credit is one row of the ledger that brings a record into the places above ``low`` up to ``high``
(1 is the first stage, behind the last one comes ``won``; 0 is the population of a ``closed`` funnel).
The definitions of a funnel differ in their credits alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

from funnelkit.analytics.funnels import reached
from funnelkit.analytics.funnels.plans import Credit, Plan
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Params, Source, compose, rows_of

__all__ = [
    "Tallies",
    "Tally",
    "credit_ids_text",
    "params_of",
    "skipped",
    "tallied",
]

Tallies = dict[str, "Tally"]
"""By key of the group."""


def tallied(source: Source, scope: Scope, plan: Plan) -> tuple[Tallies, Callable[[], Tallies]]:
    """Add the credits up; return what has the counts and the rates, and what gives the sums.

    The sums of a plain funnel take longer than its counts, so they are read on first use.
    """
    if reached.carried(source, scope, plan):
        counted = _fold(reached.counts(source, scope, plan), len(plan.places))
        return counted, cache(lambda: _fold(reached.lifts(source, scope, plan), len(plan.places)))
    tallies = _fold(_credits(source, scope, plan), len(plan.places))
    return tallies, lambda: tallies


def skipped(source: Source, scope: Scope, plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Yield (key of the group, stage, records that count there without having been there)."""
    if not plan.skips:
        return
    if reached.carried(
        source, scope, plan
    ):  # who was on a stage counts there, so the difference is who was not
        counts = _fold(reached.counts(source, scope, plan), len(plan.places))[""].counts
        visits = reached.visits(source, scope)
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


class Tally:
    """Running sums of one group; index 0 is the population of a ``closed`` funnel."""

    def __init__(self, size: int) -> None:
        self.counts: dict[int, int] = defaultdict(int)
        self.passed: dict[int, int] = defaultdict(int)
        self.passed_first: dict[int, int] = defaultdict(int)
        self.skipped: dict[int, int] = defaultdict(int)
        self.minor: list[dict[str, int]] = [defaultdict(int) for _ in range(size + 1)]


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
