"""One random life in two stores: whatever happens, memory and PostgreSQL say the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant
from tests.agreement.lives import PIPELINES
from tests.agreement.test_stores_agree import TwoStores
from tests.servers import Schemas

from funnelkit import Engine
from funnelkit.storage.base import Store
from funnelkit.storage.postgres import PostgresStore
from funnelkit.testing import readable

PLACE: list[Schemas] = []


@pytest.fixture(autouse=True, scope="module")
def place(postgres: str) -> Iterator[None]:
    """Say where the machine, which Hypothesis makes, finds the server."""
    PLACE.append(Schemas(postgres))
    yield
    PLACE.pop().drop()


def said(store: Store, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return everything in a store; rows by their order, for a sequence has gaps."""
    state = readable(store, keys)
    for table in ("move", "attribute"):
        state["tables"][table] = [(n, *row[1:]) for n, row in enumerate(state["tables"][table], 1)]
    return state


class MemoryAndPostgres(TwoStores):
    """The same acts in an engine over memory and in one over PostgreSQL."""

    def __init__(self) -> None:
        self.schema = PLACE[0].new()
        super().__init__()

    def on_file(self) -> Engine:
        """Return an engine on the schema, whether it is there or not."""
        store = PostgresStore(PLACE[0].url, schema=self.schema, durability="fast", connections=1)
        return Engine(*PIPELINES, store=store, clock=self.clock, ids=self.ids)

    @invariant()
    def both_stores_say_the_same(self) -> None:
        """Everything readable is equal, and both ledgers are sound."""
        state = said(self.memory.store, self.known_keys)
        assert said(self.sqlite.store, self.known_keys) == state
        assert self.sqlite.verify() == ()
        for (_, id), record in state["records"].items():
            seen = self.seen.setdefault(id, [])
            if not seen or seen[-1] != record:
                seen.append(record)


TestMemoryAndPostgres = MemoryAndPostgres.TestCase
TestMemoryAndPostgres.settings = settings(
    max_examples=12, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow]
)
