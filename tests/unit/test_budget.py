"""What a move may cost, counted exactly."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from funnelkit import Actor, Deal, Engine, MemoryStore, Pipeline, Stage, money


def calls_of(act: Any) -> int:
    """Return how many Python functions are called while ``act`` runs, its own call left out."""
    count = -1

    def profile(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


def test_a_move_in_memory_is_forty_calls_at_most() -> None:
    """From the verb to the stored row; the record is given by id, the pipeline is warm."""
    engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]), store=MemoryStore())
    deal: Deal = engine.create("Acme", value=money(12_000, "EUR"), owner="sam", custom={"size": 40})
    engine.move(engine.move(deal.id, "offer", actor="sam"), "new", actor="sam")
    assert calls_of(lambda: engine.move(deal.id, "offer", actor="sam")) <= 40


def test_counting_counts() -> None:
    """The count is of the Python functions that are called, not of those written in C."""
    assert calls_of(lambda: (len("x"), abs(-1))) == 0
    assert calls_of(lambda: (calls_of.__name__, Actor("sam"))) == 1
