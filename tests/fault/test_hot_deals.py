"""Eight processes fight over fifty deals: every move that was answered is in the ledger, once."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.journal import opened, sound
from tests.fault.running import at_once
from tests.fault.world import engine_on

from funnelkit.errors import ConflictError
from funnelkit.verifying import verify

pytestmark = pytest.mark.fault

PROCESSES, DEALS = 8, 50
STAGES = ("asked", "doing", "done")


def work(how: dict[str, Any]) -> dict[str, int]:
    """Make so many moves, each from what was read before; decide again after a conflict."""
    random = Random(how["worker"])
    conflicts = 0
    with engine_on(opened(how["url"], "fast")) as engine:
        for number in range(how["moves"]):
            while True:
                deal: Any = engine.get(f"d{random.randrange(DEALS)}")
                to = random.choice([stage for stage in STAGES if stage != deal.stage])
                try:
                    engine.move(deal, to, note=f"{how['worker']}/{number}")
                    break
                except ConflictError:
                    conflicts += 1
    return {"conflicts": conflicts}


def test_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path, tell: Tell) -> None:
    """Each answered move is one row of the ledger; the rows of a deal are numbered without a gap."""
    fought_over(f"sqlite:///{tmp_path}/crm.db", times(20_000), tell)


def fought_over(url: str, moves: int, tell: Tell) -> None:
    """Let the processes fight over the deals of a store; hold the ledger against what they were told."""
    with engine_on(opened(url, "fast")) as engine:
        for number in range(DEALS):
            engine.create("Hot", id=f"d{number}", pipeline="care")
    hows = [{"url": url, "worker": worker, "moves": moves} for worker in range(PROCESSES)]
    told = at_once("tests.fault.test_hot_deals", hows)
    with closing(opened(url, "fast")) as store:
        notes = Counter(note for (note,) in store.query("SELECT note FROM move WHERE seq > 1", {}))
        assert notes == Counter(
            f"{worker}/{number}" for worker in range(PROCESSES) for number in range(moves)
        )
        for number in range(DEALS):
            seqs = [move.seq for move in store.moves(f"d{number}")]
            assert seqs == list(range(1, len(seqs) + 1))
            assert store.get("deal", f"d{number}").version == len(seqs)
        assert verify(store) == ()
    sound(url)
    conflicts = sum(each["conflicts"] for each in told)
    kind = url.partition(":")[0]
    tell(
        f"{PROCESSES} processes, {moves:,} moves each, on {DEALS} deals, {kind}",
        PROCESSES * moves,
        f"every one in the ledger once; {conflicts:,} conflicts were decided again",
    )


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
