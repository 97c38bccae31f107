"""The private SQLite copy in which a store in memory answers SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from funnelkit import Engine, MemoryStore, Pipeline, Stage
from funnelkit.records import Move
from funnelkit.storage.shadow import Shadow


class Interrupted(list[Any]):
    """A list whose reader is interrupted once, behind the first item."""

    once = True

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            yield item
            if self.once:
                self.once = False
                raise KeyboardInterrupt


@pytest.fixture
def moves() -> list[Move]:
    """Return the three moves of a deal."""
    engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]), store=MemoryStore())
    deal = engine.win(engine.advance(engine.create("Acme")))
    return engine.history(deal)


def test_an_update_that_was_interrupted_is_made_again(moves: list[Move]) -> None:
    """Who asks again gets every row once."""
    shadow = Shadow()
    shadow.update([], move=moves[:1], definition=[])
    with pytest.raises(KeyboardInterrupt):
        shadow.update([], move=moves, definition=Interrupted([("0f", ("sales", "{}"))]))
    shadow.update([], move=moves, definition=[("0f", ("sales", "{}"))])
    assert shadow.query("SELECT seq FROM move ORDER BY seq", {}) == [(1,), (2,), (3,)]
    assert shadow.query("SELECT fingerprint FROM definition", {}) == [("0f",)]
    shadow.close()
