"""What became of the records on each stage of a funnel: where they stand, who went back, who skipped it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache, partial

import attrs

from funnelkit.analytics.carried import born
from funnelkit.analytics.funnels import reached
from funnelkit.analytics.funnels.credits import Tallies, skipped
from funnelkit.analytics.funnels.plans import Plan
from funnelkit.analytics.funnels.wording import params_of
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.records import OUTCOMES

__all__ = ["Fate", "Fates", "later", "slots_of"]


@attrs.frozen(kw_only=True)
class Fate:
    """What became of records on one stage.

    Attributes:
        lost, open: Records that were lost there, that are there.
        void: Records that are void, and were there when they were last seen in the pipeline.
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
    """Fates by key of the group and stage, and how many records of all groups are void, unplaced, open.

    Attributes:
        unknown: Records on a stage that the pipeline does not have.
    """

    by_stage: dict[tuple[str, str], Fate]
    void: int
    unknown: int
    open: int

    def of(self, key: str, stage: str) -> Fate:
        """Return the fate on a stage; nothing happened where nothing is known."""
        return self.by_stage.get((key, stage), Fate())


Found = dict[tuple[str, str], dict[str, int]]
"""(Key of the group, stage) → what → how many records."""


@attrs.frozen(kw_only=True)
class Later:
    """What is read of the fates of a funnel when somebody looks."""

    keys: Callable[[], set[str]]
    fates: Callable[[], Fates]


def later(source: Source, scope: Scope, plan: Plan, priced: Callable[[], Tallies]) -> Later:
    """Return what reads the groups that have records, and what reads the fates."""
    standing = cache(partial(_standing, source, scope, plan))
    backs = cache(partial(_backs, source, scope, plan))

    def fates() -> Fates:
        stood = standing()
        found: Found = defaultdict(dict)
        for at, n in skipped(source, scope, plan, priced).items():
            found[at]["skipped"] = n
        for at, n in backs().items():
            found[at]["went_back"] = n
        for at, by_status in stood.items():
            found[at] |= {status: n for status, n in by_status.items() if status != "won"}
        return Fates(
            by_stage={at: Fate(**counts) for at, counts in found.items()},
            void=sum(by_status.get("void", 0) for by_status in stood.values()),
            unknown=sum(
                sum(by_status.values())
                for (_, stage), by_status in stood.items()
                if stage not in scope.shape.places
            ),
            open=sum(by_status.get("open", 0) for by_status in stood.values()),
        )

    return Later(keys=lambda: {key for key, _ in (*standing(), *backs())}, fates=cache(fates))


def slots_of(scope: Scope, plan: Plan, text: str) -> dict[str, str]:
    """Return the clauses of a text; those of a ``closed`` funnel keep to its population."""
    closing = _IN_PERIOD[text] if plan.definition.name == "closed" else ""
    return scope.slots() | {"closing": closing}


_IN_PERIOD = {
    "outcomes/state": (
        "AND m.direction = 'close' AND m.moved_us >= :closed_from AND m.moved_us < :closed_to"
    ),
    "funnels/went_back": "JOIN ended AS e ON e.record_id = m.record_id",
}


def _plain(scope: Scope, plan: Plan) -> bool:
    """Whether the rows of one pipeline tell it all together, whoever they are of."""
    return scope.is_plain and plan.definition.name != "closed"


def _standing(source: Source, scope: Scope, plan: Plan) -> Found:
    """Read how many records stand where, by status; whoever is in a group without any credit is here."""
    if _plain(scope, plan) and not reached.has_transfers(source):
        return _by_passing(source, scope)
    found: Found = defaultdict(dict)
    text = compose("outcomes/state", tail="{fates}", **slots_of(scope, plan, "outcomes/state"))
    for key, stage, status, records in rows_of(source, text, params_of(scope, plan)):
        found[key, stage][status] = records
    return found


def _by_passing(source: Source, scope: Scope) -> Found:
    """Return who stands where by who came and who left: nobody is lost between."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    passed = rows_of(source, compose("funnels/passed", born=born(scope)), scope.params())
    for left, entered, moves, taken_back in passed:
        if entered in OUTCOMES:
            found[left][entered] += moves - taken_back
        else:
            found[entered]["open"] += moves
        if left and left not in OUTCOMES:
            found[left]["open"] -= moves
    return {("", stage): {name: n for name, n in counts.items() if n} for stage, counts in found.items()}


def _backs(source: Source, scope: Scope, plan: Plan) -> dict[tuple[str, str], int]:
    """Read how many records ever left a stage backward, by the group that the first of these moves was in."""
    if _plain(scope, plan):
        text = compose("funnels/returned", born=born(scope))
        return {("", stage): n for stage, n in rows_of(source, text, params_of(scope, plan))}
    text = compose("funnels/went_back", tail="{backs}", **slots_of(scope, plan, "funnels/went_back"))
    return {(key, stage): n for key, stage, n in rows_of(source, text, params_of(scope, plan))}
