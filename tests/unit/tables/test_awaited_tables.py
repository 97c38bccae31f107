"""Tables with an engine that is awaited: what the others do, and the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Coroutine
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from funnelkit import AsyncEngine, Engine, MemoryStore, Pipeline, Stage
from funnelkit.changes import Change
from funnelkit.errors import InputError
from funnelkit.records import Record
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.tables import (
    async_export_records,
    async_import_records,
    async_import_table,
    async_plan_table,
    export_records,
    import_records,
    import_table,
    plan_table,
)
from funnelkit.tables.presets import simple
from funnelkit.testing import sequential_ids

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])
ROWS = b"id;name;email\n1;Ada;ada@x.example\n2;Ada L.;ada@x.example\n3;;\n4;Bob;\n"
CONTACTS = simple.contacts()

Act = Callable[[AsyncEngine], Coroutine[Any, Any, Any]]


def a_file() -> io.BytesIO:
    """Return a table of two people, one of them twice, and a row that is bad."""
    return io.BytesIO(ROWS)


def awaited(act: Act, store: Any = None) -> Any:
    """Return what is done with an awaited engine."""

    async def done() -> Any:
        async with AsyncEngine(SALES, store=store, ids=sequential_ids()) as engine:
            return await act(engine)

    return asyncio.run(done())


TWINS = [
    (import_table, async_import_table),
    (export_records, async_export_records),
    (import_records, async_import_records),
]


@pytest.mark.parametrize(("here", "there"), TWINS, ids=[here.__name__ for here, _ in TWINS])
def test_a_twin_takes_what_the_other_takes(here: Any, there: Any) -> None:
    """Names, kinds and defaults of the parameters are the same; the answer is awaited."""
    ours, theirs = signature(here), signature(there)
    assert [(each.name, each.kind, each.default) for each in ours.parameters.values()] == [
        (each.name, each.kind, each.default) for each in theirs.parameters.values()
    ]
    assert asyncio.iscoroutinefunction(there)
    assert ours.return_annotation == theirs.return_annotation


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_an_awaited_import_reports_and_writes_the_same(kind: str, tmp_path: Path) -> None:
    """The report is that of `import_table`, and so are the records and the file of bad rows."""
    own = Engine(SALES)
    report = import_table(own, a_file(), CONTACTS, bad_rows=tmp_path / "bad.csv")
    store: Any = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "a.db", durability="fast")

    async def act(engine: AsyncEngine) -> Any:
        told = await async_import_table(engine, a_file(), CONTACTS, bad_rows=tmp_path / "other.csv")
        return told, await engine.find("contact")

    told, records = awaited(act, store)
    assert told == report
    assert [(one.id, one.name, one.email) for one in records] == [
        ("csv-contact-1", "Ada", "ada@x.example"),
        ("csv-contact-4", "Bob", ""),
    ]
    assert (tmp_path / "other.csv").read_bytes() == (tmp_path / "bad.csv").read_bytes()


def test_an_awaited_plan_says_the_same_and_writes_nothing() -> None:
    """Row by row and in sum, with the columns that feed nothing."""
    plan = plan_table(Engine(SALES), a_file(), CONTACTS)

    async def act(engine: AsyncEngine) -> Any:
        there = await async_plan_table(engine, a_file(), CONTACTS)
        assert (there.columns, there.unknown, there.why) == (plan.columns, plan.unknown, plan.why)
        return [str(row) async for row in there], await there.report(), await engine.find("contact")

    assert awaited(act) == ([str(row) for row in plan], plan.report, [])


def test_records_go_out_and_in(tmp_path: Path) -> None:
    """What an awaited engine exports another one imports; the records are equal."""
    path = tmp_path / "contacts.jsonl"

    async def out(engine: AsyncEngine) -> list[Record]:
        await engine.create_contact("Ada", email="ada@x.example", custom={"size": 1})
        assert await async_export_records(engine, "contact", path) == 1
        return await engine.find("contact")

    async def back(engine: AsyncEngine) -> list[Record]:
        assert (await async_import_records(engine, "contact", path)).created == 1
        return await engine.find("contact")

    assert awaited(out) == awaited(back)


def test_the_loop_goes_on_during_an_import() -> None:
    """Other tasks have their turns between the batches, which are written from another thread."""

    async def act(engine: AsyncEngine) -> None:
        begun, turn, threads = asyncio.Event(), asyncio.Event(), set[int]()
        loop = asyncio.get_running_loop()

        def show(done: int, total: int) -> None:
            threads.add(threading.get_ident())
            if done == 1:  # the import waits here until the loop has had its turn
                loop.call_soon_threadsafe(begun.set)
                asyncio.run_coroutine_threadsafe(turn.wait(), loop).result(30)

        importing = asyncio.create_task(
            async_import_table(engine, a_file(), CONTACTS, progress=show, batch=1)
        )
        await begun.wait()
        turn.set()
        assert (await importing).created == 2
        assert threading.get_ident() not in threads

    awaited(act)


def test_subscribers_are_awaited_in_their_loop() -> None:
    """Each change is told once, in order, on the thread of the loop; one that fails stops nothing."""
    heard: list[tuple[str, int]] = []

    async def act(engine: AsyncEngine) -> int:
        @engine.subscribe
        async def hear(change: Change) -> None:
            await asyncio.sleep(0)
            heard.append((change.record, threading.get_ident()))
            if change.record == "csv-contact-1":
                raise ValueError("no")

        await async_import_table(engine, a_file(), CONTACTS)
        return threading.get_ident()

    thread = awaited(act)
    assert heard == [("csv-contact-1", thread), ("csv-contact-4", thread)]


def test_another_engine_is_refused_by_name(tmp_path: Path) -> None:
    """An `Engine` is not awaited, and the error says so before anything is read."""

    async def act(_: AsyncEngine) -> None:
        wrong: Any = Engine(SALES)
        with pytest.raises(InputError, match="is no AsyncEngine"):
            await async_import_table(wrong, tmp_path / "none.csv", CONTACTS)
        with pytest.raises(InputError, match="cannot be opened"):
            await async_import_table(_, tmp_path / "none.csv", CONTACTS)

    awaited(act)
