"""The shop, in memory and in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.seeing.shops import filled

from funnelkit import Engine, MemoryStore, Store
from funnelkit.storage.sqlite import SQLiteStore


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Return an engine that holds the same life twice, once for ann and once for bob."""
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "crm.db")
    try:
        yield filled(store)
    finally:
        store.close()
