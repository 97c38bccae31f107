"""What a row of the ledger that speaks for itself adds to the sums: the same as ``sql/plain`` says.

Readers have it said by SQL, for the kind they ask about. Who folds wants all kinds of every row, and most
rows are alike but for whose they are, when and how much: so what one adds is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from funnelkit.storage.sqlite.rollups.numbers import Kind

__all__ = ["Fact", "Step", "Told", "facts_of"]

Told = tuple[str, str, str, str, str, str]
"""What is summed: the pipeline, a, b, c, d, the currency."""


class Step(NamedTuple):
    """What rows that are alike have in common."""

    pipeline: str
    source_pipeline: str
    source: str
    target: str
    direction: str
    furthest_before: str
    furthest_after: str
    currency: str


class Fact(NamedTuple):
    """To which sum a row adds: one record or one less, and its amount unless it is told without."""

    kind: Kind
    told: Told
    sign: int = 1
    priced: bool = True


def facts_of(step: Step) -> Iterator[Fact]:
    """Yield what a plain row adds.

    >>> step = Step("sales", "sales", "new", "offer", "forward", "offer", "offer", "EUR")
    >>> [(fact.kind, fact.told[1], fact.sign) for fact in facts_of(step)]
    [('moves', 'sales', 1), ('stock', 'offer', 1), ('stock', 'new', -1)]
    """
    pair = (step.source_pipeline, step.source, step.pipeline, step.target, "")
    for pipeline in dict.fromkeys((step.pipeline, step.source_pipeline)):
        yield Fact("moves", (pipeline, *pair), priced=False)
    if step.furthest_before != step.furthest_after:
        yield Fact(
            "lifts", (step.pipeline, step.furthest_before, step.furthest_after, "all", "", step.currency)
        )
    if step.direction == "close":
        if step.target != "void":
            yield Fact("closings", (step.pipeline, step.target, "", "", "", step.currency))
    else:
        yield Fact("stock", (step.pipeline, step.target, "", "", "", step.currency))
    if step.direction != "create":
        yield Fact("stock", (step.source_pipeline, step.source, "", "", "", step.currency), -1)
