"""Funnels of today's stages over moves of other days: reordered since, or taken out."""

from __future__ import annotations

import pytest

from funnelkit import Engine, MemoryStore, Pipeline, Stage
from funnelkit.analytics import Analytics

BEFORE = Pipeline("sales", [Stage("new"), Stage("call"), Stage("offer")])


def since(store: MemoryStore, *stages: str) -> Analytics:
    """Return the metrics of a pipeline that has these stages today."""
    return Engine(Pipeline("sales", [Stage(stage) for stage in stages]), store=store).analytics


@pytest.mark.parametrize("definition", ["reached", "bitrix24", "all_previous", "visited"])
@pytest.mark.parametrize("today", [("call", "new", "offer"), ("offer", "call", "new"), ("new", "offer")])
def test_who_was_on_all_stages_counts_once_in_each_however_they_are_ordered(
    definition: str, today: tuple[str, ...]
) -> None:
    """One deal walked through all three, the last one included: it is one in every row of today."""
    store = MemoryStore()
    engine = Engine(BEFORE, store=store)
    engine.advance(engine.advance(engine.create("A", stage="new")))
    last = today.index("offer") if definition == "bitrix24" else len(today)
    counts = since(store, *today).funnel(definition=definition).counts()
    assert counts == {stage: int(n <= last) for n, stage in enumerate(today)} | {"won": 0}


def test_a_closing_on_a_stage_that_is_gone_is_of_the_population() -> None:
    """A win counts in every row; where a loss was on its way is not known any more."""
    store = MemoryStore()
    engine = Engine(BEFORE, store=store)
    engine.win(engine.create("A", stage="call"))
    engine.lose(engine.create("B", stage="call"))
    found = since(store, "new", "offer").funnel(definition="closed")
    assert found.counts() == {"new": 1, "offer": 1, "won": 1}
    assert [row.of_all.denominator for row in found.rows] == [2, 2, 2]


def test_a_win_from_a_stage_that_is_gone_skipped_those_of_today() -> None:
    """It counts in each, was never on any, and is found behind both numbers."""
    store = MemoryStore()
    engine = Engine(BEFORE, store=store)
    deal = engine.win(engine.create("A", stage="call"))
    found = since(store, "new", "offer").funnel()
    for stage in ("new", "offer"):
        assert (found[stage].count, found[stage].fate.skipped) == (1, 1)
        assert found.ids(stage) == found.ids(stage, "skipped") == [deal.id]


def test_a_funnel_of_steps_says_whose_fates_it_tells() -> None:
    """Open deals of a stage are more than those in its row, so the print says of whom the columns are."""
    engine = Engine(BEFORE)
    engine.create("A")
    assert "in the row or not" in str(engine.analytics.funnel(definition="ordered", window="2d"))
