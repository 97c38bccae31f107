"""What a merge does to reports: duplicates leave every count, sums are the survivor's, undoing restores."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, Pipeline, Stage, money
from funnelkit.clients.merging import MergeRule

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def twins() -> Engine:
    """Return an engine with a deal of 100 EUR on offer, a twin of 40 EUR on new, and one that was lost."""
    clock = FrozenClock(START)
    engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]), clock=clock)
    engine.create("A", id="a", value=money(100, "EUR"))
    clock.tick("1d")
    engine.create("B", id="b", value=money(40, "EUR"))
    engine.move("a", "offer")
    engine.create("C", id="c", value=money(7, "EUR"))
    clock.tick("1d")
    engine.lose("c", reason="price")
    clock.tick("1d")
    return engine


def test_the_published_case_of_a_merge(shared_data: Path) -> None:
    """One created at 0, one at 2 that is won at 9: merged they count 1 on new, 1 won; apart 2 and 1."""
    file = shared_data.parent / "funnel_cases.json"
    if not file.is_file():
        pytest.skip(f"the cases are not there: {file}")
    case = next(
        case for case in json.loads(file.read_text("utf-8")) if case["name"] == "crm_merge_duplicates"
    )
    clock = FrozenClock(START)
    engine = Engine(Pipeline("p", [Stage("new")]), clock=clock)
    for id, place, seconds in case["events"]:
        clock.tick(START + timedelta(seconds=seconds + 1) - clock.now())
        engine.win(id) if place == "won" else engine.create(id, id=id, stage=place)
    assert list(engine.funnel().counts().values()) == [2, 1]
    merge = engine.apply(engine.plan_merge(["d1", "d2"]))
    assert list(engine.funnel().counts().values()) == case["expected"]["counts"]
    engine.undo(merge)
    assert list(engine.funnel().counts().values()) == [2, 1]


def test_sums_are_those_of_the_survivor(twins: Engine) -> None:
    """100 EUR where there were 147 on new, 100 on offer."""
    assert twins.funnel()["new"].sums == {"EUR": money(147, "EUR")}
    twins.apply(twins.plan_merge(["a", "b", "c"]))
    assert [twins.funnel()[stage].sums for stage in ("new", "offer")] == [{"EUR": money(100, "EUR")}] * 2


def test_duplicates_are_neither_open_nor_lost(twins: Engine) -> None:
    """They are void, outside of every rate."""
    twins.apply(twins.plan_merge(["a", "b", "c"]))
    funnel = twins.funnel()
    assert (funnel["new"].fate.open, funnel["new"].fate.lost, funnel.void) == (0, 0, 2)
    assert twins.analytics.win_rate().rows[0].lost == 0


def test_as_of_before_the_merge_all_is_as_it_was(twins: Engine) -> None:
    """No row of the ledger is rewritten."""
    before = START + timedelta(days=2)
    funnel = twins.funnel(as_of=before).counts()
    twins.apply(twins.plan_merge(["a", "b", "c"]))
    assert twins.funnel(as_of=before).counts() == funnel == {"new": 3, "offer": 1, "won": 0}


def test_the_survivor_keeps_the_instant_of_its_own_creation(twins: Engine) -> None:
    """So where cohorts matter, the oldest is to survive."""
    later = twins.apply(twins.plan_merge(["a", "b"], survivor="b")).survivor
    assert later.created_at == START + timedelta(days=1)
    assert twins.funnel(created=(None, START + timedelta(hours=1))).counts()["new"] == 0


def test_the_oldest_may_be_made_to_survive(twins: Engine) -> None:
    """Its cohort is that of the first inquiry."""
    rule = MergeRule(survivor=["oldest"])
    assert twins.plan_merge(["c", "b", "a"], rule=rule).survivor.created_at == START


def test_undoing_leaves_the_moves_of_the_losers_in_the_matrix(twins: Engine) -> None:
    """Of one that was open: void and open again. Of one that was lost: open, void, open, lost again."""

    def cells() -> Counter[tuple[str, str]]:
        rows = twins.analytics.transitions().rows
        return Counter({(row.source, row.target): row.count for row in rows})

    before = cells()
    twins.undo(twins.apply(twins.plan_merge(["a", "b", "c"])))
    assert cells() - before == {
        ("new", "void"): 2,
        ("void", "new"): 2,
        ("lost", "new"): 1,
        ("new", "lost"): 1,
    }


def test_undoing_brings_every_count_back(twins: Engine) -> None:
    """Funnels with sums, rates, losses with their reasons, the stock."""

    def told() -> list[Any]:
        asked = twins.analytics
        funnels = [asked.funnel(definition=name) for name in ("reached", "visited", "bitrix24", "ordered")]
        others = [asked.win_rate(), asked.cohort_win_rate(), asked.loss_reasons(), asked.potential()]
        return [result.to_dicts() for result in (*funnels, *others)]

    before = told()
    merge = twins.apply(twins.plan_merge(["a", "b", "c"]))
    assert told() != before
    twins.undo(merge)
    assert told() == before
