"""Ctrl-C at random instants within verbs: all or none, no lock is kept, work goes on at once."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.journal import Entry, check, opened, sound
from tests.fault.running import run
from tests.fault.world import calls, engine_on, perform

from funnelkit import MemoryStore
from funnelkit.errors import FunnelkitError

pytestmark = pytest.mark.fault


def due() -> None:
    """Do nothing. Python looks for a signal that has come when a function begins: so it is raised here."""


def interrupted(how: dict[str, Any]) -> dict[str, int]:
    """Make random calls on a store, each with an interrupt on its way, until enough of them came in time."""
    random = Random(how["seed"])
    # What verbs need is imported now: an import that is interrupted halfway may fail ever after.
    engine_on(MemoryStore()).create("A", pipeline="sales")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    store = opened(how["url"], "fast")
    engine = engine_on(store)
    entries: list[Entry] = []
    stream = calls(store, random, "i")
    answer: Any = None
    came = 0
    while came < how["interrupts"]:
        call = stream.send(answer)
        entry, answer = Entry(call), None
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.000_02, 0.002))
            try:
                answer = perform(engine, call)
                entry = Entry(call, answer=answer)
            except FunnelkitError as error:
                entry = Entry(call, error=type(error).__name__)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                due()
        except KeyboardInterrupt:
            came += entry.in_flight
        entries.append(entry)
    check(store, entries)
    store.close()
    with closing(opened(how["url"], "fast")) as again:
        lost, late = check(again, entries)
    sound(how["url"])
    return {"calls": len(entries), "lost": lost, "late": late}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that interrupt")
@pytest.mark.parametrize("seed", range(3))
def test_an_interrupt_at_any_instant(seed: int, tmp_path: Path, tell: Tell) -> None:
    """A verb that is interrupted is done as a whole or not at all, and the next one works."""
    number = times(300)
    how = {"url": f"sqlite:///{tmp_path}/crm.db", "interrupts": number, "seed": seed}
    told = json.loads(run("-m", "tests.fault.test_interrupts", json.dumps(how)))
    assert told["lost"] == 0
    tell("interrupts at random instants within verbs", number, "all or none; the next verb works")


if __name__ == "__main__":
    print(json.dumps(interrupted(json.loads(sys.argv[1]))), flush=True)
    # An interrupt that passed through an exec() of text, as attrs has, makes Python end as interrupted.
    os._exit(0)
