"""An engine over either store, or awaited; and the proof that a verb which raises has changed nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Self, cast

import pytest

from funnelkit import (
    AsyncEngine,
    CloseReason,
    Engine,
    FrozenClock,
    MemoryStore,
    Pipeline,
    Stage,
    Store,
    reason_required,
)
from funnelkit.analytics import Analytics, Funnel
from funnelkit.changes import Change
from funnelkit.errors import FunnelkitError
from funnelkit.storage.immediate import Immediate
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import readable, sequential_ids

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)

SALES = Pipeline(
    "sales",
    [
        Stage("new", probability=0.1),
        Stage("offer", requires="value", steps="call", probability=0.5),
        Stage("paper", archived=True),
        Stage("contract", probability=0.8),
    ],
    moves="ordered",
    close_reasons={"lost": [CloseReason("price", "Слишком дорого"), "no answer"], "void": "duplicate"},
    rules=reason_required(on="assign"),
)
CARE = Pipeline("care", [Stage("ticket"), Stage("visit"), Stage("bill")])
INTAKE = Pipeline(
    "intake",
    [Stage("register"), Stage("assess")],
    kind="lead",
    close_reasons={"lost": ["off target", "erroneous"]},
)

Unchanged = Callable[[type[Exception]], AbstractContextManager[pytest.ExceptionInfo[FunnelkitError]]]


@pytest.fixture
def clock() -> FrozenClock:
    """Return a clock that stands at nine o'clock."""
    return FrozenClock(NINE)


@pytest.fixture(params=["memory", "sqlite", "awaited"])
def place(request: pytest.FixtureRequest) -> str:
    """Return where an engine works: in memory, in a file, or in memory and in an event loop."""
    place: str = request.param
    return place


@pytest.fixture
def store(place: str, tmp_path: Path) -> Iterator[Store]:
    """Return the store of each place."""
    store: Store = (
        SQLiteStore(tmp_path / "crm.db", durability="fast", timeout=0.01)
        if place == "sqlite"
        else MemoryStore()
    )
    yield store
    store.close()


@pytest.fixture
def engine(place: str, store: Store, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine with two pipelines for deals and one for leads; in one place an `AsyncEngine`."""
    if place != "awaited":
        yield Engine(SALES, CARE, INTAKE, store=store, clock=clock, ids=sequential_ids())
        return
    with Waiting(AsyncEngine(SALES, CARE, INTAKE, store=store, clock=clock, ids=sequential_ids())) as engine:
        yield cast("Engine", engine)


class Waiting:
    """An `AsyncEngine` as tests of `Engine` use it: each verb runs in a loop of another thread."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if not iscoroutinefunction(found):
            return found

        @wraps(found)
        def wait(*args: Any, **kwargs: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(found(*args, **kwargs), self._loop).result()

        return wait

    @property
    def store(self) -> Store:
        """The store underneath, which blocks."""
        return cast("Immediate", self._engine.store).store

    def subscribe(self, subscriber: Callable[[Change], object]) -> Callable[[Change], object]:
        """Await the subscriber in a thread, where it may use the engine."""

        async def told(change: Change) -> None:
            await asyncio.to_thread(subscriber, change)

        self._engine.subscribe(told)
        return subscriber

    @property
    def analytics(self) -> Analytics:
        """The reports that are given to the function in ``report``."""
        reports: Analytics = self.report(lambda reports: reports)
        return reports

    def funnel(self, pipeline: str, **filters: Any) -> Funnel:
        """Report one funnel."""
        funnel: Funnel = self.report(lambda reports: reports.funnel(pipeline, **filters))
        return funnel

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        asyncio.run_coroutine_threadsafe(self._loop.shutdown_default_executor(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def unchanged(engine: Engine) -> Unchanged:
    """Return what demands an error, a short message, and a store that is as it was."""

    @contextmanager
    def demanded(error: type[Exception]) -> Iterator[pytest.ExceptionInfo[FunnelkitError]]:
        before = readable(engine.store)
        with pytest.raises(error) as caught:
            yield caught  # type: ignore[misc]
        assert len(str(caught.value)) < 400
        assert readable(engine.store) == before
        assert engine.verify() == ()

    return demanded
