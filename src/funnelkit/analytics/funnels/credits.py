"""Credits: which rows of the ledger put a record into which rows of a funnel.

A credit is one row of the ledger that brings a record into the places above ``low`` up to ``high``
(1 is the first stage, behind the last one comes ``won``; 0 is the population of a ``closed`` funnel).
The definitions of a funnel differ in their credits alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache, partial

import attrs

from funnelkit.analytics import rolled
from funnelkit.analytics.funnels import reached
from funnelkit.analytics.funnels.plans import Credit, Plan
from funnelkit.analytics.funnels.wording import credit_text, jumps, params_of
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = [
    "Tallies",
    "Tally",
    "Worth",
    "credit_ids_text",
    "of_all",
    "of_all_ids_text",
    "skipped",
    "tallied",
    "worth",
]

Tallies = dict[str, "Tally"]
"""By key of the group."""


def tallied(source: Source, scope: Scope, plan: Plan) -> tuple[Tallies, Callable[[], Tallies]]:
    """Add the credits up; return what has the counts and the rates, and what gives the sums.

    The sums of a plain funnel take longer than its counts, so they are read on first use.
    """
    if reached.carried(source, scope, plan):
        kept = rolled.credits_of(source, scope, plan)
        if kept is not None:
            tallies = _fold(kept, len(plan.places))
            return tallies, lambda: tallies
        counted = _fold(reached.counts(source, scope, plan), len(plan.places))
        return counted, cache(lambda: _fold(reached.lifts(source, scope, plan), len(plan.places)))
    tallies = _fold(_credits(source, scope, plan), len(plan.places))
    return tallies, lambda: tallies


def skipped(
    source: Source, scope: Scope, plan: Plan, priced: Callable[[], Tallies]
) -> dict[tuple[str, str], int]:
    """Return (key of the group, stage) → records that count there without ever having been there."""
    if not plan.skips:
        return {}
    stages = [*enumerate(plan.places[:-1], 1)]
    if reached.carried(source, scope, plan):
        # Who counts on a stage came there with that very move, or passed it and came later, or never. (The
        # credits with values go move by move; those without take away what a void record had at one go.)
        late = reached.late(source, scope, plan)
        return {
            (key, stage): tally.counts[place] - tally.arrived[place] - late[key, stage]
            for key, tally in priced().items()
            for place, stage in stages
        }
    masked = _fold(_credits(source, scope, plan, masked=True), len(plan.places))
    return {(key, stage): tally.skipped[place] for key, tally in masked.items() for place, stage in stages}


def of_all(source: Source, scope: Scope, plan: Plan, tallies: Tallies) -> dict[str, dict[int, int]]:
    """Return key of the group → place → distinct records there; place 0 is every record of the pipeline."""
    if plan.definition.name == "closed":  # all are those that closed
        return {key: tally.counts for key, tally in tallies.items()}
    if reached.carried(source, scope, plan):
        # Whoever is in the pipeline is in the first row, and came there with its first credit.
        return {key: tally.passed_first | {0: tally.passed_first[1]} for key, tally in tallies.items()}
    found: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    text = _text(source, scope, plan, tail="{of_all}", **_UNMASKED)
    for key, low, high, records in rows_of(source, text, params_of(scope, plan)):
        for place in range(low + 1, high + 1):
            found[key][place] += records
    return found


@attrs.frozen
class Worth:
    """Sums by place and currency: of all that came there, and of those of them that went on."""

    entered: dict[tuple[int, str], int] = attrs.field(factory=lambda: defaultdict(int))
    passed: dict[tuple[int, str], int] = attrs.field(factory=lambda: defaultdict(int))


def worth(source: Source, scope: Scope, plan: Plan) -> dict[str, Worth]:
    """Add up what records were worth when they came to a place, and what those were that went on."""
    found: dict[str, Worth] = defaultdict(Worth)
    text = _text(source, scope, plan, tail="{worth}", worth_before="{worth_of_before}", **_UNMASKED)
    for row in rows_of(source, text, params_of(scope, plan)):
        low, high, key, kept, key_before, kept_before, code, code_before, total, total_before = row
        for place in range(low + 1, high + 1):
            if kept:
                found[key].entered[place, code] += total
            if place == low + 1 and kept_before:
                found[key_before].passed[place - 1, code_before] += total_before
            elif place > low + 1 and kept:
                found[key].passed[place - 1, code] += total
    return found


def of_all_ids_text(source: Source, scope: Scope, plan: Plan) -> str:
    """Return the text that lists the records of one place and one group of `of_all`."""
    return _text(source, scope, plan, tail="{of_all_ids}", **_UNMASKED)


def credit_ids_text(source: Source, scope: Scope, plan: Plan, where: str) -> str:
    """Return the text that lists the records of the credits that meet a condition."""
    return _text(source, scope, plan, tail="{ids}", cell="chained", where=where, **_MASKED)


class Tally:
    """Running sums of one group; index 0 is the population of a ``closed`` funnel."""

    def __init__(self, size: int) -> None:
        self.counts: dict[int, int] = defaultdict(int)
        self.passed: dict[int, int] = defaultdict(int)
        self.passed_first: dict[int, int] = defaultdict(int)
        self.arrived: dict[int, int] = defaultdict(int)
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
        if kept:
            tallies[key].arrived[high] += n
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
    return rows_of(source, _text(source, scope, plan, tail="{fold}", **slots), params_of(scope, plan))


_UNMASKED = {"mask": "0", "masked": ""}
_MASKED = {"mask": "COALESCE(s.mask, 0)", "masked": "LEFT JOIN seen AS s ON s.record_id = k.record_id"}


def _text(source: Source, scope: Scope, plan: Plan, **slots: str) -> str:
    """Return the text of the credits; that of attempts depends on how many a record can have made."""
    if plan.definition.name == "attempts":
        ((times,),) = rows_of(source, compose("funnels/most_entries"), params_of(scope, plan))
        slots |= jumps(max(0, times - 1).bit_length())
    return credit_text(scope, plan, **slots)
