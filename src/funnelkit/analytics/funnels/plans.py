"""Plans: which funnel to count, by the name of its definition."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from funnelkit.analytics.scope import ALWAYS

__all__ = [
    "DEFINITIONS",
    "FORMULAS",
    "SHARES",
    "Anchor",
    "Ban",
    "Credit",
    "Definition",
    "DefinitionName",
    "Exclusion",
    "Plan",
    "Policy",
    "Ties",
]

DefinitionName = Literal[
    "reached", "visited", "bitrix24", "all_previous", "ordered", "strict", "unordered", "attempts", "closed"
]
Anchor = Literal["any", "first"]
Ties = Literal["log_order", "step_order", "strict_increase"]
Policy = Literal["end_attempt", "discard_entity"]

_CREATED = "the creation of the record"
_LIVING = "records created in or moved into the pipeline by then, without void ones"
_GROUPED = ("entered", "attribution")


@attrs.frozen(kw_only=True)
class Definition:
    """What one kind of funnel counts, in words, and what else may be said of it.

    Attributes:
        name: Its name.
        sentence: What counts in a row.
        takes: Arguments of `Analytics.funnel` that belong to it.
    """

    name: DefinitionName
    sentence: str
    takes: tuple[str, ...] = _GROUPED
    population: str = _LIVING
    time_axis: str = _CREATED


DEFINITIONS: dict[DefinitionName, Definition] = {
    item.name: item
    for item in (
        Definition(
            name="reached",
            sentence="a record counts in every stage up to the furthest it was ever on; a win that stands "
            "passes all",
            takes=("within", *_GROUPED),
        ),
        Definition(name="visited", sentence="a record counts in the stages it was ever on, and in no other"),
        Definition(
            name="bitrix24",
            sentence="an open record counts in every stage up to its present one, a won record in all, any "
            "other where it was",
        ),
        Definition(
            name="all_previous",
            sentence="a record counts in a stage when it was ever on it and on every stage before it, in "
            "whatever order",
        ),
        Definition(
            name="ordered",
            sentence="a record counts in a step when it did all steps before it in their order, all within "
            "the window",
            takes=("steps", "window", "anchor", "ties", "exclusions", "policy", "held", *_GROUPED),
        ),
        Definition(
            name="strict",
            sentence="a record counts in a step when it did all steps before it one right after the other, "
            "with no other place of the pipeline in between, all within the window",
            takes=("steps", "window", "anchor", "held", *_GROUPED),
        ),
        Definition(
            name="unordered",
            sentence="a record counts in a row when it did so many different steps within one window, in "
            "whatever order",
            takes=("steps", "window", "held", *_GROUPED),
        ),
        Definition(
            name="attempts",
            sentence="attempts are counted, not records: one begins with the first step and ends with the "
            "last one, with the window or with an excluded stage; only then another may begin",
            takes=("steps", "window", "ties", "exclusions", "held", *_GROUPED),
        ),
        Definition(
            name="closed",
            sentence="a record counts in a stage when it was not lost there or before; rates start at the "
            "population",
            takes=("closed",),
            population="records won or lost in the period whose closing stands as of then",
            time_axis="the closing of the record",
        ),
    )
}


@attrs.frozen
class Exclusion:
    """A stage that must not come between two steps of a funnel.

    Attributes:
        stage: The stage.
        after: The step behind which it is forbidden, by the name of its row; default: the first one.
        before: The step before which it is forbidden; default: the last one.

    >>> Exclusion("paused", after="offer").before is None
    True
    """

    stage: str
    after: str | None = None
    before: str | None = None


@attrs.frozen
class Ban:
    """An `Exclusion` whose steps are found: forbidden once ``after`` steps are done, until ``before`` are."""

    place: str
    after: int
    before: int


@attrs.frozen(kw_only=True)
class Plan:
    """Which funnel to count.

    Attributes:
        definition: One of `DEFINITIONS`.
        places: What the rows are: stages and ``"won"``, or the steps of an ordered funnel.
        within_us: The window: from the first step to the last, included.
        anchor: Which entry into the first step may start the window: ``"any"`` or ``"first"``.
        ties: What comes first of what happened at one instant.
        bans: What must not come between steps.
        policy: Whether meeting it ends the attempt, or takes the record out of all steps.
        held: What splits a record into units, each counted by itself: a name as in ``by``, or empty.
        entered: The period, in microseconds, in which the first step has to be done.
        horizon_us: Only rows of the ledger up to this age of the record, included.
        attribution: Whose group a record is in: ``"each"`` row's own, that of the ``"first"`` or
            ``"last"`` row, of ``"all"``, or of a named step.
    """

    definition: Definition
    places: tuple[str, ...]
    within_us: int = ALWAYS[1]
    anchor: Anchor = "any"
    ties: Ties = "log_order"
    bans: tuple[Ban, ...] = ()
    policy: Policy = "end_attempt"
    held: str = ""
    entered: tuple[int, int] = ALWAYS
    horizon_us: int = ALWAYS[1]
    attribution: str = "each"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rows: places, a repeated one with its number; "2 steps" where any will do."""
        if self.definition.name == "unordered":
            return tuple(f"{n} step{'s' * (n > 1)}" for n in range(1, len(self.places) + 1))
        counts = [self.places[: n + 1].count(place) for n, place in enumerate(self.places)]
        return tuple(p if n == 1 else f"{p} ({n})" for p, n in zip(self.places, counts, strict=True))

    @property
    def skips(self) -> bool:
        """Whether a record can count in a stage that it was never on."""
        return self.definition.name in ("reached", "bitrix24", "closed")

    @property
    def is_of_records(self) -> bool:
        """Whether rows are stages and each record counts once, by itself: then its fate is told, too."""
        named = self.definition.name in ("unordered", "attempts")
        return not named and (self.held, self.entered, self.attribution) == ("", ALWAYS, "each")


Credit = tuple[Any, ...]
"""low, high, grp, kept, grp_before, kept_before, grp_first, kept_first, mask, currency, records, total."""

FORMULAS: dict[DefinitionName, str] = {
    "reached": "c_k = #{d : furthest(d) >= k}",
    "visited": "c_k = #{d : k in V(d)}, V the places it was ever on",
    "bitrix24": "c_k = #{d open : stage(d) >= k} + #{d won} + #{d lost : k in V(d)}",
    "all_previous": "c_k = #{d : {1..k} within V(d)}",
    "ordered": "c_k = #{d : there are entries i_1 < .. < i_k into steps 1..k with t_k - t_1 <= window}",
    "strict": "c_k = #{d : there are entries i_1 .. i_k into 1..k, one after another, t_k - t_1 <= window}",
    "unordered": "c_k = #{d : some window holds entries into k different steps}",
    "attempts": "c_k = number of attempts that came to step k",
    "closed": "c_k = #{d closed : won, or lost on a later stage than k}",
}
"""How the count of row k comes about; d is a record."""

SHARES = "; of_previous = in both rows / in the row before; of_first, of_all alike; interval: Wilson 1927"
