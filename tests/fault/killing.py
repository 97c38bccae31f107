"""Kill whoever works on a store, look at what is left, go on; run as a program, for it forks.

    python -m tests.fault.killing '{"urls": ["sqlite:///crm.db"], "kills": 20, "seed": 1}'

prints what happened as JSON. An exit code other than 0 comes with the reason.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from tests.fault.journal import Journal, check, opened, sound
from tests.fault.postgres import settled
from tests.fault.world import calls, engine_on, perform

from funnelkit.errors import FunnelkitError

__all__ = ["campaign"]


def work(url: str, journal: Journal, random: Random, tag: str, how: dict[str, Any]) -> NoReturn:
    """Make random calls on a store until somebody ends it."""
    store = opened(url, how["durability"])
    engines = {"": engine_on(store), **{stage: engine_on(store, stage) for stage in ("offer", "proposal")}}
    stream = calls(store, random, tag, mostly=how["mostly"])
    answer: tuple[Any, ...] | None = None
    while True:
        call = stream.send(answer)
        journal.asked(call)
        try:
            answer = perform(engines[call.stage], call)
        except FunnelkitError as error:
            answer = None
            journal.refused(error)
        else:
            journal.answered(answer)


def killed(url: str, journal: Journal, random: Random, tag: str, how: dict[str, Any]) -> None:
    """Let a process work on the store and kill it at a random instant."""
    seed, delay = random.random(), random.uniform(0, random.choice((0.006, 0.05, 0.12)))
    begun = journal.size()
    child = os.fork()
    if child == 0:
        try:
            work(url, journal, Random(seed), tag, how)
        except BaseException:  # noqa: BLE001 (it must not go on as a second campaign)
            traceback.print_exc()
        os._exit(1)
    while how.get("at_work") and journal.size() == begun and delay > 0.01:
        pass  # opening takes longer than the delay; now and then it is killed there, too
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("the worker ended by itself, see above")
    settled(url)


def repeated(url: str, path: Path) -> int:
    """Make the call that was in flight again, under its key, twice; return how many there were."""
    entries = Journal.read(path)
    if not entries or not entries[-1].in_flight:
        return 0
    call = entries[-1].call
    journal = Journal(path)
    store = opened(url)
    try:
        answer = perform(engine_on(store, call.stage or "offer"), call)
    except FunnelkitError as error:
        journal.refused(error)
    else:
        assert perform(engine_on(store, call.stage or "offer"), call) == answer
        journal.answered(answer)
    journal.close()
    store.close()
    return 1


def campaign(how: dict[str, Any]) -> dict[str, int]:
    """Kill so many workers on each store in turn; after each death hold the store against the journal."""
    random = Random(how["seed"])
    told = {"kills": 0, "acknowledged": 0, "lost": 0, "late": 0, "in flight": 0}
    for url, path in zip(how["urls"], map(Path, how["journals"]), strict=True):
        for number in range(how["kills"]):
            journal = Journal(path)
            killed(url, journal, random, f"k{number}", how)
            journal.close()
            store = opened(url, how["durability"])
            lost, late = check(store, Journal.read(path))
            store.close()
            told["kills"] += 1
            told["lost"] += lost
            told["late"] += late
            told["in flight"] += repeated(url, path)
        store = opened(url, how["durability"])
        entries = Journal.read(path)
        check(store, entries)
        store.close()
        sound(url)
        told["acknowledged"] += sum(entry.answer is not None for entry in entries)
    return told


if __name__ == "__main__":
    print(json.dumps(campaign(json.loads(sys.argv[1]))))
