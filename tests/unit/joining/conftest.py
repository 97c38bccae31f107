"""What the tests of `Engine.using` share: the program around, an engine and who listens to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hosts import Shop, cases, opened
from tests.unit.conftest import NINE

from funnelkit import Engine, FrozenClock, Pipeline, Stage

SALES = Pipeline(
    "sales", [Stage("new"), Stage("offer"), Stage("contract", requires="value"), Stage("signed")]
)

Heard = list[tuple[str, str]]
"""The kind of each change and its record."""


class Oops(Exception):  # noqa: N818 (what a request dies of)
    """Something went wrong in the host."""


@pytest.fixture(params=cases())
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """Return each kind of host in turn, or the one that a test asks for."""
    with opened(request.param, request, tmp_path) as shop:
        yield shop


@pytest.fixture
def engine() -> Engine:
    """Return an engine that keeps nothing itself."""
    return Engine(SALES, clock=FrozenClock(NINE))


@pytest.fixture
def heard(engine: Engine) -> Heard:
    """Return what a subscriber heard."""
    heard: Heard = []
    engine.subscribe(lambda change: heard.append((type(change).__name__, change.record)))
    return heard
