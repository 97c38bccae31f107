"""The stores that come with funnelkit keep the contract of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import pytest

from funnelkit import MemoryStore, Store
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import StoreContract


class TestMemoryStore(StoreContract):
    """`MemoryStore` keeps the contract."""

    def make_store(self) -> Store:
        """Return a new, empty store."""
        return MemoryStore()


class TestDurableSQLiteStore(StoreContract):
    """`SQLiteStore` keeps the contract when every commit waits for the disk."""

    durability: Literal["full", "fast"] = "full"

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        """Give each test a folder."""
        self.files = (tmp_path / f"crm{number}.db" for number in range(1_000))

    def make_store(self) -> Store:
        """Return a new, empty store."""
        return SQLiteStore(next(self.files), durability=self.durability)

    def reopen(self, store: Store) -> Store:
        """Open the file again."""
        return self.second(store)

    def second(self, store: Store) -> Store:
        """Open the file once more."""
        return SQLiteStore(cast("SQLiteStore", store).path, durability=self.durability)


class TestFastSQLiteStore(TestDurableSQLiteStore):
    """`SQLiteStore` keeps the contract when commits do not wait for the disk."""

    durability = "fast"
