"""An engine over either store, and the proof that a verb which raises has changed nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from funnelkit import CloseReason, Engine, FrozenClock, MemoryStore, Pipeline, Stage, Store, reason_required
from funnelkit.errors import FunnelkitError
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


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return each of our stores in turn."""
    store: Store = (
        MemoryStore()
        if request.param == "memory"
        else SQLiteStore(tmp_path / "crm.db", durability="fast", timeout=0.01)
    )
    yield store
    store.close()


@pytest.fixture
def engine(store: Store, clock: FrozenClock) -> Engine:
    """Return an engine with two pipelines for deals and one for leads."""
    return Engine(SALES, CARE, INTAKE, store=store, clock=clock, ids=sequential_ids())


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
