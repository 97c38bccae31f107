"""What a store may leave as it is when a record was only moved: nothing else has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from funnelkit import Engine, MemoryStore, Pipeline, Stage, money
from funnelkit.storage.base import Commit, kind_of
from funnelkit.storage.columns import COLUMNS, PLACE, STEP
from funnelkit.storage.record_rows import place_row, record_row, step_row

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])
RENEWALS = Pipeline("renewals", [Stage("due"), Stage("asked")])


class Listening(MemoryStore):
    """A store that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Commit] = []

    def commit(self, commit: Commit) -> None:
        """Remember, and do it."""
        self.told.append(commit)
        super().commit(commit)


def closed(engine: Engine, deal: Any) -> Any:
    """Return a lost deal."""
    return engine.lose(deal, reason="price", note="later")


ACTS: dict[str, Callable[[Engine, Any], Any]] = {
    "move": lambda engine, deal: engine.move(deal, "offer"),
    "advance": lambda engine, deal: engine.advance(deal),
    "win": lambda engine, deal: engine.win(deal),
    "lose": closed,
    "void": lambda engine, deal: engine.void(deal, reason="twice"),
    "reopen": lambda engine, deal: engine.reopen(closed(engine, deal)),
    "transfer": lambda engine, deal: engine.transfer(deal, "renewals", stage="asked"),
    "bulk": lambda engine, deal: engine.bulk("move", [deal], to="offer").done[0],
}


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("act", ACTS)
def test_a_move_changes_the_columns_of_a_place_and_no_other(act: str, sealed: bool) -> None:
    """With the values of a place written over its old row, a record is as it is after the act."""
    store = Listening()
    engine = Engine(SALES, RENEWALS, store=store, sealed=sealed)
    deal = engine.create(
        "Acme", pipeline="sales", value=money(10, "EUR"), owner="sam", custom={"size": 4}, source="web"
    )
    after = ACTS[act](engine, deal)
    old = dict(zip(COLUMNS["deal"], record_row("deal", deal), strict=True))
    new = dict(zip(COLUMNS["deal"], record_row(kind_of(after), after), strict=True))
    part = store.told[-1].writes[0].part
    columns, row = {"step": (STEP, step_row(after)), "place": (PLACE, place_row(after))}[part]
    assert {**old, **dict(zip(columns, row, strict=True))} == new
    assert part == ("step" if act in {"move", "advance", "bulk"} and not sealed else "place")


def test_an_edit_is_no_mere_move() -> None:
    """A record whose fields change is written whole."""
    store = Listening()
    engine = Engine(SALES, store=store)
    engine.edit(engine.create("Acme"), name="Acme Ltd")
    assert [write.part for write in store.told[-1].writes] == ["whole"]


def test_a_conversion_is_no_mere_move() -> None:
    """A lead that becomes a deal is written whole, for it says which deal."""
    from funnelkit import templates

    store = Listening()
    engine = Engine(SALES, templates.lead_intake(), store=store)
    engine.convert(engine.capture("Ann", email="ann@example.com"), deal="sales")
    assert {write.part for write in store.told[-1].writes} == {"whole"}
