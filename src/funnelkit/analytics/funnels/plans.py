"""Plans: which funnel to count, by the name of its definition."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from funnelkit.analytics.scope import ALWAYS

__all__ = ["DEFINITIONS", "Credit", "Definition", "DefinitionName", "Plan"]

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


Credit = tuple[Any, ...]
"""low, high, grp, kept, grp_before, kept_before, grp_first, kept_first, mask, currency, records, total."""
