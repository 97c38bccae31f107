"""The facts a row carries, by histories worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, Move, Pipeline, Stage, money
from funnelkit.gate.ledger import direction_of, furthest

FORCE: dict[str, Any] = {"override": True, "actor": "kim", "reason": "so"}
Row = tuple[str, str, str, bool, str, str]


def facts(move: Move) -> Row:
    """Return source, target, direction, first visit, and furthest before and after."""
    return (move.source, move.target, move.direction, move.first, move.furthest_before, move.furthest_after)


def told(engine: Engine, id: str) -> list[Row]:
    """Return the facts of every row of a record."""
    return [facts(move) for move in engine.history(id)]


@pytest.fixture
def life(engine: Engine, clock: FrozenClock) -> Callable[..., list[Row]]:
    """Return what leads a deal through steps, an hour each, and tells its rows."""

    def lead_through(*steps: Callable[[Any], Any], pipeline: str = "care") -> list[Row]:
        deal = engine.create("x", pipeline=pipeline, id="d1")
        for step in steps:
            clock.tick("1h")
            deal = step(deal)
        assert engine.verify() == ()
        return told(engine, "d1")

    return lead_through


def test_a_straight_way(engine: Engine, life: Any) -> None:
    """Create, forward, forward, win: every row lifts the deal one further, the win to the end."""
    assert life(engine.advance, engine.advance, engine.win) == [
        ("", "ticket", "create", True, "", "ticket"),
        ("ticket", "visit", "forward", True, "ticket", "visit"),
        ("visit", "bill", "forward", True, "visit", "bill"),
        ("bill", "won", "close", True, "bill", "won"),
    ]


def test_to_and_fro_lifts_once(engine: Engine, life: Any) -> None:
    """Going back and forth is no first visit the second time and lifts nothing."""
    assert life(
        engine.advance,
        lambda deal: engine.move(deal, "ticket"),
        engine.advance,
        lambda deal: engine.move(deal, "ticket"),
    )[1:] == [
        ("ticket", "visit", "forward", True, "ticket", "visit"),
        ("visit", "ticket", "back", False, "visit", "visit"),
        ("ticket", "visit", "forward", False, "visit", "visit"),
        ("visit", "ticket", "back", False, "visit", "visit"),
    ]


def test_a_stage_that_was_skipped_is_visited_on_the_way_back(engine: Engine, life: Any) -> None:
    """It is a first visit, and no lift: the deal was further already."""
    assert life(lambda deal: engine.move(deal, "bill"), lambda deal: engine.move(deal, "visit"))[1:] == [
        ("ticket", "bill", "skip", True, "ticket", "bill"),
        ("bill", "visit", "back", True, "bill", "bill"),
    ]


def test_a_loss_lifts_nothing(engine: Engine, life: Any) -> None:
    """Lost and void: before is after; the second loss is no first visit of "lost"."""
    assert life(engine.advance, engine.lose, engine.reopen, engine.lose, engine.reopen, engine.void)[2:] == [
        ("visit", "lost", "close", True, "visit", "visit"),
        ("lost", "visit", "reopen", False, "visit", "visit"),
        ("visit", "lost", "close", False, "visit", "visit"),
        ("lost", "visit", "reopen", False, "visit", "visit"),
        ("visit", "void", "close", True, "visit", "visit"),
    ]


def test_a_win_lifts_while_it_stands(engine: Engine, life: Any) -> None:
    """A reopened win falls back to the furthest stage; winning again lifts again, as no first visit."""
    assert life(engine.win, engine.reopen, engine.advance, engine.win)[1:] == [
        ("ticket", "won", "close", True, "ticket", "won"),
        ("won", "ticket", "reopen", False, "ticket", "ticket"),
        ("ticket", "visit", "forward", True, "ticket", "visit"),
        ("visit", "won", "close", False, "visit", "won"),
    ]


def test_a_transfer_there_and_back(engine: Engine, life: Any) -> None:
    """In each pipeline the furthest is its own; coming back is no first visit of a stage seen before."""
    assert life(
        engine.advance,
        lambda deal: engine.transfer(deal, "sales"),
        engine.advance,
        lambda deal: engine.transfer(deal, "care"),
        lambda deal: engine.transfer(deal, "sales", stage="contract"),
    )[2:] == [
        ("visit", "new", "transfer", True, "", "new"),
        ("new", "offer", "forward", True, "new", "offer"),
        ("offer", "ticket", "transfer", False, "visit", "visit"),
        ("ticket", "contract", "transfer", True, "offer", "contract"),
    ]


def test_a_transfer_names_both_pipelines(engine: Engine, life: Any) -> None:
    """Its row is of the new pipeline and knows the old one; all other rows name one twice."""
    life(lambda deal: engine.transfer(deal, "sales"), engine.advance)
    rows = engine.history("d1")
    assert [(row.source_pipeline, row.pipeline) for row in rows] == [
        ("care", "care"),
        ("care", "sales"),
        ("sales", "sales"),
    ]
    assert [row.fingerprint for row in rows] == [
        engine.pipelines["care"].fingerprint,
        *[engine.pipelines["sales"].fingerprint] * 2,
    ]


def test_stepping_over_archived_stages_is_no_skip(engine: Engine, life: Any) -> None:
    """Between offer and contract lies an archived stage only."""
    rows = life(engine.advance, lambda deal: engine.move(deal, "contract", **FORCE), pipeline="sales")
    assert rows[-1] == ("offer", "contract", "forward", True, "offer", "contract")


def test_a_record_on_a_stage_archived_since_can_go_on(engine: Engine) -> None:
    """Its stage keeps its place in the order."""
    before = Pipeline("p", [Stage("a"), Stage("b"), Stage("c")])
    after = Pipeline("p", [Stage("a"), Stage("b", archived=True), Stage("c")])
    old, new = Engine(before, store=engine.store), Engine(after, store=engine.store)
    deal = old.move(old.create("x", id="d1"), "b")
    new.move(new.advance(deal), "a")
    assert told(new, "d1")[1:] == [
        ("a", "b", "forward", True, "a", "b"),
        ("b", "c", "forward", True, "b", "c"),
        ("c", "a", "back", False, "c", "c"),
    ]
    assert new.verify() == ()


def test_from_a_stage_that_is_gone_every_way_is_forward() -> None:
    """Its place in the order is not known any more."""
    pipeline = Pipeline("p", [Stage("a"), Stage("b"), Stage("c")])
    assert [direction_of("gone", target, pipeline) for target in "abc"] == ["forward"] * 3


@pytest.mark.parametrize(
    ("visited", "expected"),
    [((), ""), (("lost",), ""), (("b", "a", "won"), "b"), (("a", "gone", "c", "b"), "c")],
)
def test_the_furthest_is_by_the_order_of_the_pipeline(visited: tuple[str, ...], expected: str) -> None:
    """Not by when it was visited; outcomes and stages that are gone do not count."""
    assert furthest(visited, {"a": 0, "b": 1, "c": 2}) == expected


def test_stays_tile_the_life_of_a_record(engine: Engine, life: Any, clock: FrozenClock) -> None:
    """Each row ends the stay that the row before began; the creation ends none."""
    life(engine.advance, engine.lose, engine.reopen, lambda deal: engine.transfer(deal, "sales"))
    rows = engine.history("d1")
    assert rows[0].since is None
    assert [row.since for row in rows[1:]] == [row.at for row in rows[:-1]]
    assert [row.at - rows[0].at for row in rows] == [timedelta(hours=hours) for hours in range(5)]
    assert {row.created for row in rows} == {rows[0].at}
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]


def test_edits_do_not_end_a_stay(engine: Engine, life: Any) -> None:
    """Editing, handing over and logging leave the stay as long as it is."""
    life(
        lambda deal: engine.edit(deal, name="new"),
        lambda deal: engine.assign(deal, "kim"),
        lambda deal: (engine.log(deal, "call"), deal)[1],
        engine.advance,
    )
    rows = engine.history("d1")
    assert rows[1].at - rows[1].since == timedelta(hours=4)  # type: ignore[operator]
    assert rows[1].owner == "kim"


def test_values_outside_of_moves_are_rows_of_their_own(engine: Engine) -> None:
    """Custom fields from creation on, owner and value once they are edited, by dotted path."""
    deal = engine.create(
        "x", pipeline="care", custom={"terms": {"days": 5}}, owner="sam", value=money(1, "EUR")
    )
    deal = engine.edit(deal, value=money(2, "USD"), custom={"terms": None, "size": 1})
    engine.edit(engine.assign(deal, "kim"), value=None)
    rows = [(row.field, row.value, row.amount) for row in engine.store.attributes(deal.id)]
    assert sorted(rows[1:4]) == [
        ("custom.size", "1", 0),
        ("custom.terms.days", "null", 0),
        ("value", "USD", 200),
    ]
    assert [rows[0], *rows[4:]] == [("custom.terms.days", "5", 0), ("owner", "kim", 0), ("value", "", 0)]


def test_a_transfer_keeps_the_probability_of_the_stage_it_leaves() -> None:
    """What a deal was worth when it left is said by the pipeline it left, not by the one it enters."""
    care = Pipeline("care", [Stage("new", probability=0.9), Stage("done")])
    sales = Pipeline("sales", [Stage("new", probability=0.1)])
    engine = Engine(sales, care)
    deal = engine.transfer(engine.create("Acme", pipeline="sales"), "care", stage="done")
    assert engine.history(deal)[-1].probability == 0.1
