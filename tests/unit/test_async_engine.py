"""`AsyncEngine`: what tasks do to one another. That its verbs are `Engine`'s, the tests of those show."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from inspect import Parameter, iscoroutinefunction, signature
from pathlib import Path
from typing import Any

import pytest
from tests.unit.conftest import NINE

from funnelkit import (
    AsyncEngine,
    Engine,
    FrozenClock,
    MemoryStore,
    Pipeline,
    ReadOnlyStore,
    SQLiteStore,
    Stage,
    only_roles,
)
from funnelkit.analytics import Analytics
from funnelkit.errors import InputError, NotFoundError, StoreClosedError
from funnelkit.records import Record
from funnelkit.storage.base import Commit, Kind
from funnelkit.storage.immediate import Immediate
from funnelkit.storage.threads import InThread
from funnelkit.testing import readable

SALES = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("contract")])


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine function in a loop of its own; a minute is more than it ever needs."""
    asyncio.run(asyncio.wait_for(work(), 60))


# -- the same face --------------------------------------------------------------------------------------


def public(of: type) -> dict[str, Any]:
    """Return the public names of a class."""
    return {name: value for name, value in vars(of).items() if not name.startswith("_")}


def parameters(function: Any) -> list[tuple[str, Any, Any, str]]:
    """Return the parameters of a method, with kinds, defaults and types."""
    found: list[Parameter] = list(signature(function).parameters.values())
    return [(each.name, each.kind, each.default, str(each.annotation)) for each in found]


def test_it_has_the_names_of_engine() -> None:
    """Only reports differ: ``analytics`` and ``funnel`` there, ``report`` here."""
    assert public(Engine).keys() - public(AsyncEngine).keys() == {"analytics", "funnel"}
    assert public(AsyncEngine).keys() - public(Engine).keys() == {"report"}


@pytest.mark.parametrize("name", sorted(public(Engine).keys() & public(AsyncEngine).keys()))
def test_a_method_takes_what_engines_takes(name: str) -> None:
    """Names, order, kinds, defaults and types of the parameters are those of `Engine`; a verb is awaited."""
    here, there = public(AsyncEngine)[name], public(Engine)[name]
    assert isinstance(here, property) == isinstance(there, property)
    if not isinstance(here, property):
        assert parameters(here) == parameters(there)
        assert iscoroutinefunction(here) == (name not in {"subscribe", "using"})


def test_it_is_made_as_engine_is() -> None:
    """The arguments are those of `Engine`; the store may be awaited."""
    here, there = parameters(AsyncEngine.__init__), parameters(Engine.__init__)
    assert [each[:3] for each in here] == [each[:3] for each in there]
    assert [name for (name, *_, type), other in zip(here, there, strict=True) if type != other[3]] == [
        "store"
    ]


def test_nobody_loads_asyncio_who_does_not_need_it() -> None:
    """Importing the package and `Engine` does not load asyncio."""
    code = "import sys, funnelkit; funnelkit.Engine(); print('asyncio' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_a_url_opens_a_store(tmp_path: Path) -> None:
    """As with `Engine`."""

    async def work() -> None:
        async with AsyncEngine(SALES, store=f"sqlite:///{tmp_path / 'crm.db'}") as engine:
            await engine.create("Acme", id="d1")

    run(work)
    with SQLiteStore(tmp_path / "crm.db") as store:
        assert store.get("deal", "d1").name == "Acme"


# -- tasks at once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["memory", "sqlite"])
def test_of_tasks_that_move_one_deal_one_wins(place: str, tmp_path: Path) -> None:
    """Twenty tasks with the same version in hand: one moves it, nineteen get a ConflictError."""

    async def work() -> None:
        store = MemoryStore() if place == "memory" else SQLiteStore(tmp_path / "crm.db", durability="fast")
        async with AsyncEngine(SALES, store=store) as engine:
            deal = await engine.create("Acme")
            moving = (engine.advance(deal, actor=f"task {number}") for number in range(20))
            found = await asyncio.gather(*moving, return_exceptions=True)
            assert sorted(type(each).__name__ for each in found) == ["ConflictError"] * 19 + ["Deal"]
            assert [move.target for move in await engine.history(deal)] == ["new", "offer"]
            assert await engine.verify() == ()

    run(work)


class Gate(Immediate):
    """An awaited store in memory whose commits wait at a gate, before or after they are written."""

    def __init__(self, *, written: bool) -> None:
        super().__init__(MemoryStore())
        self.written = written
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def commit(self, commit: Commit) -> None:
        """Wait on one side of the commit."""
        if self.written:
            await super().commit(commit)
        self.reached.set()
        await self.opened.wait()
        if not self.written:
            await super().commit(commit)


@pytest.mark.parametrize("written", [False, True])
def test_a_cancelled_verb_is_done_whole_or_not(written: bool) -> None:
    """Cancelled before the write it has left nothing; after it, everything. Under its key it is done once."""

    async def work() -> None:
        gate = Gate(written=written)
        engine = AsyncEngine(SALES, store=gate)
        task = asyncio.create_task(engine.create("Acme", key="order-1"))
        await gate.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(await engine.find("deal")) == int(written)
        gate.opened.set()
        deal = await engine.create("Acme", key="order-1")
        assert await engine.find("deal") == [deal]
        assert len(await engine.history(deal)) == len(await engine.changes(deal)) == 1
        assert await engine.verify() == ()

    run(work)


class HeldStore(MemoryStore):
    """A store that blocks its thread inside a commit until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.opened = threading.Event(), threading.Event()

    def commit(self, commit: Commit) -> None:
        """Wait, then write."""
        self.reached.set()
        assert self.opened.wait(60)
        super().commit(commit)


def test_a_thread_that_writes_is_not_stopped_by_a_cancellation() -> None:
    """The task ends at once; the write that its thread has begun comes whole, and the key finds it."""

    async def work() -> None:
        held = HeldStore()
        engine = AsyncEngine(SALES, store=InThread(held))
        task = asyncio.create_task(engine.create("Acme", key="order-1"))
        await asyncio.to_thread(held.reached.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await engine.find("deal") == []
        held.opened.set()
        deal = await engine.create("Acme", key="order-1")
        assert await engine.find("deal") == [deal]
        assert len(await engine.changes()) == 1

    run(work)


# -- subscribers ----------------------------------------------------------------------------------------


def test_subscribers_are_awaited_in_their_order() -> None:
    """Coroutine functions and plain ones take turns; each is through before the verb answers."""
    told: list[str] = []

    async def work() -> None:
        engine = AsyncEngine(SALES)

        @engine.subscribe
        async def slow(change: Any) -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            told.append(f"slow {change.target}")

        engine.subscribe(lambda change: told.append(f"quick {change.target}"))
        await engine.advance(await engine.create("Acme"))
        assert told == ["slow new", "quick new", "slow offer", "quick offer"]

    run(work)


def test_a_subscriber_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The move stands and the next one is told."""
    told: list[Any] = []

    async def fail(_: object) -> None:
        raise ValueError("no mail today")

    async def work() -> None:
        engine = AsyncEngine(SALES)
        engine.subscribe(fail)
        engine.subscribe(told.append)
        deal = await engine.create("Acme")
        assert await engine.get(deal.id) == deal

    run(work)
    assert "no mail today" in caplog.text
    assert len(told) == 1


def test_engine_takes_no_subscriber_that_is_awaited() -> None:
    """Nobody would await it there; the error names `AsyncEngine`."""

    async def hear(_: object) -> None: ...

    with pytest.raises(InputError, match="AsyncEngine"):
        Engine(SALES).subscribe(hear)


# -- reports and verify ---------------------------------------------------------------------------------


class AskedStore(MemoryStore):
    """A store whose queries wait for the event loop to do something else, which only another thread can."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.threads: set[int] = set()

    def query(self, sql: str, params: Any) -> Any:
        """Wait for a turn of the loop."""
        ticked = threading.Event()
        self.loop.call_soon_threadsafe(ticked.set)
        assert ticked.wait(10), "the event loop stands still"
        self.threads.add(threading.get_ident())
        return super().query(sql, params)


@pytest.mark.parametrize("threads", [True, False])
def test_the_loop_goes_on_during_a_report(threads: bool) -> None:
    """A store that blocks is asked in the thread of the report; other tasks have their turns meanwhile."""

    async def work() -> None:
        store = AskedStore()
        engine = AsyncEngine(SALES, store=InThread(store) if threads else store)
        await engine.create("Acme")

        def ask(reports: Analytics) -> int:
            assert reports.funnel("sales").counts()["new"] == 1
            return threading.get_ident()

        assert {await engine.report(ask)} == store.threads

    run(work)


@pytest.mark.parametrize("threads", [True, False])
def test_the_loop_goes_on_during_verify(threads: bool) -> None:
    """The same while everything is looked through."""

    async def work() -> None:
        store = AskedStore()
        engine = AsyncEngine(SALES, store=InThread(store) if threads else store)
        await engine.create("Acme")
        assert await engine.verify() == ()
        assert store.threads

    run(work)


class Elsewhere(Immediate):
    """An awaited store, each of whose answers takes a turn of the loop."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())

    async def query(self, sql: str, params: Any) -> Any:
        """Let others have a turn first."""
        await asyncio.sleep(0)
        return await super().query(sql, params)


def test_a_store_that_is_awaited_is_asked_in_its_loop() -> None:
    """A report and a check wait in their thread for what the loop does for them."""

    async def work() -> None:
        engine = AsyncEngine(SALES, store=Elsewhere())
        await engine.create("Acme")
        assert await engine.report(lambda reports: reports.funnel("sales").counts()["new"]) == 1
        assert await engine.verify() == ()

    run(work)


def test_verify_knows_the_pipelines_in_force() -> None:
    """An edit of a definition with rules, which only the pipeline itself gives away, is found."""
    pipeline = Pipeline("sales", [Stage("new", label="New")], rules=only_roles("boss", on="win"))
    store = MemoryStore()
    Engine(pipeline, store=store).create("Acme")
    document = store._definitions[pipeline.fingerprint][1]  # noqa: SLF001 (behind its back)
    store._definitions[pipeline.fingerprint] = ("sales", document.replace("New", "Old"))  # noqa: SLF001

    async def work() -> None:
        found = await AsyncEngine(pipeline, store=store).verify()
        assert found == Engine(pipeline, store=store).verify()
        assert len(found) == 1

    run(work)


def test_a_report_runs_in_another_thread() -> None:
    """The function that is given to ``report`` does not stop the loop, whatever it does."""

    async def work() -> None:
        ticked = threading.Event()
        asking = asyncio.create_task(AsyncEngine(SALES).report(lambda _: ticked.wait(60)))
        await asyncio.sleep(0)
        ticked.set()
        assert await asking

    run(work)


@pytest.mark.parametrize("store", [MemoryStore, lambda: InThread(MemoryStore()), Elsewhere])
def test_what_is_read_late_is_read_inside_the_report(store: Callable[[], Any]) -> None:
    """A result that would read on the thread of the loop says so, whatever the store."""

    async def work() -> None:
        engine = AsyncEngine(SALES, store=store())
        await engine.create("Acme")
        reports = await engine.report(lambda reports: reports)
        with pytest.raises(RuntimeError, match="inside `report`"):
            reports.funnel("sales").counts()

    run(work)


# -- stores that block ----------------------------------------------------------------------------------


def test_a_file_is_used_from_threads(tmp_path: Path) -> None:
    """A `SQLiteStore` blocks, so it is called beside the loop; what many tasks write is all there."""
    threads: set[int] = set()

    class Seen(SQLiteStore):
        def commit(self, commit: Commit) -> None:
            threads.add(threading.get_ident())
            super().commit(commit)

    async def work() -> None:
        async with AsyncEngine(SALES, store=Seen(tmp_path / "crm.db", durability="fast")) as engine:
            await asyncio.gather(*(engine.create("Acme", id=f"d{number}") for number in range(30)))
            assert len(await engine.find("deal")) == 30
            assert await engine.verify() == ()

    run(work)
    assert threads
    assert threading.get_ident() not in threads
    with Engine(SALES, store=SQLiteStore(tmp_path / "crm.db")) as engine:
        assert len(engine.find("deal")) == 30


def test_two_loops_one_after_the_other(tmp_path: Path) -> None:
    """An engine over a store that blocks belongs to no loop."""
    engine = AsyncEngine(SALES, store=SQLiteStore(tmp_path / "crm.db", durability="fast"))

    async def work() -> None:
        await engine.create("Acme")
        assert await engine.verify() == ()

    run(work)
    run(work)
    asyncio.run(engine.close())


def test_a_closed_engine_says_so() -> None:
    """After ``async with`` nothing is read or written."""

    async def work() -> None:
        async with AsyncEngine(SALES) as engine:
            deal = await engine.create("Acme")
        with pytest.raises(StoreClosedError):
            await engine.advance(deal)

    run(work)


def test_engine_takes_no_store_that_is_awaited() -> None:
    """The error names `AsyncEngine`."""
    with pytest.raises(InputError, match="AsyncEngine"):
        Engine(SALES, store=Immediate(MemoryStore()))  # type: ignore[arg-type]


@pytest.mark.parametrize("store", [0, 5, object(), b"crm.db", [], MemoryStore])
def test_what_is_no_store_is_named(store: Any) -> None:
    """Whatever Python takes for true."""
    with pytest.raises(InputError) as caught:
        AsyncEngine(SALES, store=store)
    assert caught.value.argument == "store"


def test_a_store_that_is_not_opened_yet_is_to_be_awaited() -> None:
    """The error says so, of what only opens a store."""

    class Opening:
        def __await__(self) -> Any:
            yield

    for engine in (Engine, AsyncEngine):
        with pytest.raises(InputError, match="await it first"):
            engine(SALES, store=Opening())  # type: ignore[arg-type]


def test_a_store_that_is_not_durable_may_block_all_the_same() -> None:
    """Only what is in memory is asked in the loop's own thread: others may wait for a network."""
    asked_in: list[threading.Thread] = []

    class Elsewhere(ReadOnlyStore):
        """A store that keeps nothing for long, and is not in this process."""

        def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
            asked_in.append(threading.current_thread())
            return super().get_many(kind, ids)

    async def work() -> None:
        with pytest.raises(NotFoundError):
            await AsyncEngine(SALES, store=Elsewhere(MemoryStore())).get("A-1")

    run(work)
    assert asked_in
    assert threading.main_thread() not in asked_in


def test_an_engine_shows_its_store_and_not_how_it_is_called(tmp_path: Path) -> None:
    """In memory or in worker threads: what is printed is the store that was given."""
    file = SQLiteStore(tmp_path / "crm.db")
    assert repr(AsyncEngine(SALES, store=file)) == f"AsyncEngine(sales; {file!r})"
    assert repr(AsyncEngine(SALES)) == "AsyncEngine(sales; MemoryStore(empty))"
    file.close()


def test_both_engines_write_the_same() -> None:
    """The same acts leave the same rows."""
    stores = [MemoryStore(), MemoryStore()]

    async def work() -> None:
        engine = AsyncEngine(SALES, store=stores[0], clock=FrozenClock(NINE), sealed=True)
        await engine.win(await engine.advance(await engine.create("Acme", id="d1"), key="k"), actor="ann")

    run(work)
    engine = Engine(SALES, store=stores[1], clock=FrozenClock(NINE), sealed=True)
    engine.win(engine.advance(engine.create("Acme", id="d1"), key="k"), actor="ann")
    assert readable(stores[0], ("k",)) == readable(stores[1], ("k",))
