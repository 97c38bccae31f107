"""One life of a sales office, lived in every store: its laws hold, and the stores say the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agreement.client_laws import LAWS, Eyes, eyes, nobody_sees_outside_the_scope
from tests.agreement.client_lives import Act, Life, lives
from tests.servers import Schemas

from funnelkit import MemoryStore, Store
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import readable

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def lived(store: Store, life: list[Act], looking: list[Eyes]) -> tuple[list[Any], dict[str, Any]]:
    """Live a life in a store, hold the laws against it, and return what was said and what is there."""
    one = Life(store)
    told = one.live(life)
    for law in LAWS:
        law(one)
    for each in looking:
        nobody_sees_outside_the_scope(one, each)
    assert one.engine.verify() == ()
    state = readable(store, tuple(sorted(one.store_keys())))
    for table in ("move", "attribute"):  # rows by their order: a server's numbers have gaps
        state["tables"][table] = [(n, *row[1:]) for n, row in enumerate(state["tables"][table], 1)]
    return told, state


@settings(suppress_health_check=SLOW)
@given(life=lives, looking=st.lists(eyes, min_size=2, max_size=3, unique=True))
def test_in_memory(life: list[Act], looking: list[Eyes]) -> None:
    """No inquiry, card, dependant, secret or unit of a target is lost, whatever happens in whatever order."""
    lived(MemoryStore(), life, looking)


@settings(suppress_health_check=SLOW, max_examples=10)
@given(life=lives, looking=st.lists(eyes, min_size=2, max_size=3, unique=True))
def test_in_a_file(life: list[Act], looking: list[Eyes]) -> None:
    """The laws hold in a SQLite file, and every answer and every row is that of memory."""
    with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "crm.db"), durability="fast") as store:
        assert lived(store, life, looking) == lived(MemoryStore(), life, looking)


def test_on_a_server(schemas: Schemas) -> None:
    """The laws hold on PostgreSQL, and every answer and every row is that of memory."""
    from funnelkit.storage.postgres import PostgresStore

    @settings(suppress_health_check=SLOW, max_examples=4)
    @given(life=lives, looking=st.lists(eyes, min_size=2, max_size=3, unique=True))
    def run(life: list[Act], looking: list[Eyes]) -> None:
        with PostgresStore(schemas.url, schema=schemas.new(), durability="fast", connections=1) as store:
            assert lived(store, life, looking) == lived(MemoryStore(), life, looking)

    run()
