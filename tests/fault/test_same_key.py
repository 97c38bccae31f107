"""One key, one version, one batch: whoever else is there at the same time, it is done once."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.fault import running
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.journal import opened
from tests.fault.test_every_statement import VERBS, furnished
from tests.fault.world import engine_on

from funnelkit import SQLiteStore, Store
from funnelkit.errors import ConflictError, KeyReusedError
from funnelkit.testing import readable
from funnelkit.verifying import verify

pytestmark = pytest.mark.fault

CALLERS = 8


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a furnished store."""
    path = tmp_path / "crm.db"
    with closing(SQLiteStore(path, durability="fast")) as store:
        furnished(store)
    return f"sqlite:///{path}"


def shape(store: Store) -> dict[str, Any]:
    """Return how much of everything is there."""
    tables = "lead deal contact company activity move attribute change idempotency match_key"
    return {table: store.query(f"SELECT COUNT(*) FROM {table}", {}) for table in tables.split()}


def at_once(url: str, do: Callable[[Any], Any]) -> list[Any]:
    """Let eight threads, each with an engine of its own, do the same at the same moment."""
    begin = threading.Barrier(CALLERS)

    def caller(_: int) -> Any:
        with engine_on(opened(url, "fast")) as engine:
            begin.wait()
            return do(engine)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


@pytest.mark.parametrize("name", VERBS)
def test_one_key_from_eight_threads_is_done_once(name: str, url: str, tmp_path: Path, tell: Tell) -> None:
    """The same call of any verb under one key from eight threads: one answer, done once."""
    with closing(SQLiteStore(tmp_path / "other.db", durability="fast")) as store:
        furnished(store)
        VERBS[name](engine_on(store), key="form-7")
        expected = shape(store)
    answers = at_once(url, lambda engine: VERBS[name](engine, key="form-7"))
    assert answers == [answers[0]] * CALLERS
    with closing(opened(url, "fast")) as store:
        assert shape(store) == expected
        assert verify(store) == ()
    tell(f"one key from {CALLERS} threads at once, each of {len(VERBS)} verbs", 1, "done once, one answer")


def capture(how: dict[str, Any]) -> list[str]:
    """Capture the same inquiries as everybody else; return the ids."""
    with engine_on(opened(how["url"], "fast")) as engine:
        return [engine.capture("Inquiry", key=f"form-{number}").id for number in range(how["number"])]


def test_one_key_from_eight_processes_is_done_once(url: str, tell: Tell) -> None:
    """The same inquiries under their keys from eight processes: one lead each, the same for all."""
    number = times(200)
    told = running.at_once("tests.fault.test_same_key", [{"url": url, "number": number}] * CALLERS)
    assert told == [told[0]] * CALLERS
    assert len(set(told[0])) == number
    with closing(opened(url, "fast")) as store:
        assert store.query("SELECT COUNT(*) FROM lead", {}) == [(1 + number,)]
    tell(f"{number} inquiries under their keys from {CALLERS} processes each", number, "one lead each")


def test_one_key_for_two_requests_is_refused(url: str) -> None:
    """The key of another request is a KeyReusedError, whatever the verb, and changes nothing."""
    with closing(opened(url, "fast")) as store:
        VERBS["win"](engine_on(store), key="form-7")
        before = readable(store)
        for name, verb in VERBS.items():
            if name != "win" and not name.startswith("bulk"):
                with pytest.raises(KeyReusedError):
                    verb(engine_on(store), key="form-7")
        assert readable(store) == before


def test_back_where_it_was_is_not_the_same_version(url: str) -> None:
    """A → B → A in between is a conflict: the version is compared, not the stage."""
    with engine_on(opened(url, "fast")) as one, engine_on(opened(url, "fast")) as other:
        seen = one.get("deal")
        other.move("deal", "doing")
        assert other.move("deal", "asked").stage == seen.stage  # type: ignore[attr-defined]
        with pytest.raises(ConflictError) as caught:
            one.move(seen, "done")  # type: ignore[type-var]
    assert (caught.value.expected, caught.value.actual) == (1, 3)


def test_of_two_on_one_version_exactly_one_wins(url: str, tell: Tell) -> None:
    """Of eight movers who saw one version one wins; the others are told expected and actual."""
    with engine_on(opened(url, "fast")) as engine:
        for version in range(1, times(50) + 1):
            seen = engine.get("deal")
            assert seen.version == version
            to = "doing" if version % 2 else "asked"

            def move(engine: Any, seen: Any = seen, to: str = to) -> Any:
                try:
                    return engine.move(seen, to)
                except ConflictError as conflict:
                    return (conflict.expected, conflict.actual)

            told = at_once(url, move)
            assert told.count((version, version + 1)) == CALLERS - 1
        assert engine.verify() == ()
    tell(f"{CALLERS} movers on one version", times(50), "one wins, the others get ConflictError")


def test_batches_over_the_same_deals_in_opposite_order(url: str, tell: Tell) -> None:
    """Batches that overlap, in opposite orders, at once: none waits for ever, each is all or none."""
    with engine_on(opened(url, "fast")) as engine:
        ids = [engine.create("Hot", pipeline="care").id for _ in range(60)]
    rounds = times(40)

    def batches(engine: Any) -> int:
        done = 0
        for number in range(rounds):
            order = ids[number % 20 :][:: -1 if number % 2 else 1]
            try:
                engine.bulk("assign", order, owner=f"{threading.get_ident()}-{number}")
                done += len(order)
            except ConflictError:
                pass
        return done

    changed = sum(at_once(url, batches))
    with closing(opened(url, "fast")) as store:
        versions = store.query("SELECT SUM(version - 1) FROM deal WHERE name = 'Hot'", {})
        assert versions == [(changed,)]
        assert verify(store) == ()
    assert changed > 0
    tell(f"batches of up to 60 deals from {CALLERS} threads, orders opposed", CALLERS * rounds, "all or none")


if __name__ == "__main__":
    print(json.dumps(capture(json.loads(sys.argv[1]))))
