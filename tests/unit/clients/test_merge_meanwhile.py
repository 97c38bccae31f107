"""A merge while others act: what has changed voids the plan, one of two wins, a fault leaves nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fault.failing import FailingStore

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, SQLiteStore, Stage, templates
from funnelkit.clients.merging import Merge
from funnelkit.errors import ConflictError, FunnelkitError, KeyReusedError, StoreUnavailableError
from funnelkit.testing import readable


@pytest.fixture
def three(engine: Engine, clock: FrozenClock) -> tuple[str, ...]:
    """Return three contacts, an hour between them, the second and third with a deal, a lead each."""
    ids = ("ann", "again", "third")
    for id in ids:
        engine.create_contact(id, id=id, email=f"{id}@acme.example")
        engine.create("A", id=f"deal of {id}".replace(" ", "-"), pipeline="care", contact=id)
        engine.capture("A", id=f"lead-of-{id}", contact=id)
        clock.tick("1h")
    return ids


def merged(engine: Engine, *ids: str, **act: Any) -> Merge:
    """Merge records into the first of them."""
    return engine.apply(engine.plan_merge(ids, survivor=ids[0]), **act)


def deals(engine: Engine, *ids: str, **fields: Any) -> list[Any]:
    """Make deals on a pipeline without rules."""
    return [engine.create(id, id=id, pipeline="care", **fields) for id in ids]


@pytest.mark.parametrize("changed", ["ann", "again", "deal-of-again", "lead-of-again"])
def test_a_plan_is_void_when_a_record_of_it_changes(
    engine: Engine, three: tuple[str, ...], changed: str
) -> None:
    """The survivor, a loser, a dependant; nothing is written."""
    plan = engine.plan_merge(["ann", "again"])
    engine.edit(changed, source="fair")
    before = readable(engine.store)
    with pytest.raises(ConflictError) as caught:
        engine.apply(plan)
    assert caught.value.id == changed
    assert readable(engine.store) == before


def test_a_plan_is_void_when_somebody_new_hangs_on_a_loser(engine: Engine, three: tuple[str, ...]) -> None:
    """It would be left behind."""
    plan = engine.plan_merge(["ann", "again"])
    engine.create("C", id="late", pipeline="care", contact="again")
    with pytest.raises(ConflictError) as caught:
        engine.apply(plan)
    assert str(caught.value) == "deal 'late' is new since the plan: make a new plan"


def test_a_plan_is_void_when_somebody_hangs_on_a_loser_no_more(
    engine: Engine, three: tuple[str, ...]
) -> None:
    """It has changed."""
    plan = engine.plan_merge(["ann", "again"])
    engine.edit("deal-of-again", contact="third")
    with pytest.raises(ConflictError) as caught:
        engine.apply(plan)
    assert caught.value.id == "deal-of-again"


def test_a_plan_is_done_once(engine: Engine, three: tuple[str, ...]) -> None:
    """Its records are at other versions then."""
    plan = engine.plan_merge(three)
    engine.apply(plan)
    with pytest.raises(ConflictError):
        engine.apply(plan)


def test_under_a_key_a_plan_is_done_once_and_answers_the_same(engine: Engine, three: tuple[str, ...]) -> None:
    """The second time nothing is written."""
    plan = engine.plan_merge(three)
    merge = engine.apply(plan, key="m")
    before = readable(engine.store)
    assert engine.apply(plan, key="m") == merge
    assert readable(engine.store) == before


def test_a_key_is_not_used_for_another_merge(engine: Engine, three: tuple[str, ...]) -> None:
    """It says so."""
    merged(engine, "ann", "again", key="m")
    with pytest.raises(KeyReusedError):
        merged(engine, "ann", "third", key="m")


def test_expect_is_the_version_of_the_survivor(engine: Engine, three: tuple[str, ...]) -> None:
    """Another one conflicts."""
    with pytest.raises(ConflictError):
        merged(engine, "ann", "again", expect=7)


def test_it_happened_when_it_is_said_to_have_happened(engine: Engine, clock: FrozenClock) -> None:
    """An earlier instant, but not before the latest act of a record."""
    deals(engine, "a", "b")
    at = clock.now() + timedelta(hours=1)
    clock.tick("3h")
    (loser,) = merged(engine, "a", "b", at=at).losers
    assert (loser.close.at, engine.get("a").updated_at) == (at, at)
    deals(engine, "c")
    with pytest.raises(FunnelkitError, match="before the latest act"):
        merged(engine, "c", "a", at=at)


def test_a_dependant_never_goes_back_in_time(engine: Engine, clock: FrozenClock) -> None:
    """One that was edited after the merge is said to have happened is written as of its edit."""
    for id in ("ann", "again"):
        engine.create_contact(id, id=id)
    at = clock.tick("1h")
    clock.tick("1h")
    late = engine.create("A", id="late", pipeline="care", contact="again").updated_at
    clock.tick("1h")
    merged(engine, "ann", "again", at=at)
    assert (engine.get("ann").updated_at, engine.get("late").updated_at) == (at, late)
    assert engine.verify() == ()


def test_of_two_merges_of_overlapping_sets_one_wins(tmp_path: Path) -> None:
    """Both were planned on the same state; the other changes nothing."""
    for round_ in range(8):
        store = SQLiteStore(tmp_path / f"{round_}.db", durability="fast", timeout=30)
        with Engine(store=store) as engine:
            ids = [engine.create_contact(id, id=id).id for id in "abcd"]
            plans = [engine.plan_merge(ids[:3]), engine.plan_merge(ids[2:] + ids[:1], survivor="d")]
            gate, results = threading.Barrier(2), []

            def apply(
                plan: Any, engine: Engine = engine, gate: Any = gate, results: list[Any] = results
            ) -> None:
                gate.wait()
                try:
                    results.append(engine.apply(plan))
                except ConflictError as error:
                    results.append(error)

            threads = [threading.Thread(target=apply, args=(plan,)) for plan in plans]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(type(result).__name__ for result in results) == ["ConflictError", "Merge"]
            assert engine.verify() == ()


def test_whichever_statement_fails_nothing_is_there(tmp_path: Path) -> None:
    """Of a merge with dependants, and of its undoing; the next attempt does it."""
    store = FailingStore(tmp_path / "crm.db")
    engine = Engine(Pipeline("care", [Stage("new")]), templates.lead_intake(), store=store)
    made = engine.convert(engine.capture("A", id="lead", email="a@acme.example"), pipeline="care")
    deals(engine, "a", "b", owner="sam")
    engine.lose("b")
    assert made.deal is not None
    ids = ["a", "b", made.deal.id]
    merge = until_it_works(store, lambda: engine.apply(engine.plan_merge(ids)))
    until_it_works(store, lambda: engine.undo(merge))
    assert engine.verify() == ()
    engine.close()


def until_it_works(store: FailingStore, act: Callable[[], Any]) -> Any:
    """Let the first statement of an act fail, then the second, and so on; nothing may be there of it."""
    before, number = readable(store), 0
    while True:
        number += 1
        store.fail(number)
        try:
            done = act()
        except StoreUnavailableError:
            store.fail(0)
            assert readable(store) == before
        else:
            store.fail(0)
            assert number > 20
            return done


def test_a_merge_is_sealed(clock: FrozenClock) -> None:
    """Both rows of a loser that was lost are in the chain."""
    engine = Engine(Pipeline("care", [Stage("new")]), store=MemoryStore(), clock=clock, sealed=True)
    deals(engine, "a", "b")
    engine.lose("b")
    engine.undo(merged(engine, "a", "b"))
    assert all(move.seal for move in engine.history("b"))
    assert engine.verify() == ()
