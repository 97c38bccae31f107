"""`PostgresStore` keeps the contract."""

from __future__ import annotations

from typing import cast

import pytest
from tests.servers import Schemas

from funnelkit import Store
from funnelkit.storage.postgres import PostgresStore
from funnelkit.testing import StoreContract


class TestPostgresStore(StoreContract):
    """`PostgresStore` keeps the contract."""

    @pytest.fixture(autouse=True)
    def place(self, schemas: Schemas) -> None:
        """Give each test schemas of its own."""
        self.schemas = schemas

    def make_store(self) -> Store:
        """Return a new, empty store."""
        return self.on_schema(self.schemas.new())

    def reopen(self, store: Store) -> Store:
        """Open the schema again."""
        return self.second(store)

    def second(self, store: Store) -> Store:
        """Open the schema once more."""
        return self.on_schema(cast("PostgresStore", store).schema)

    def on_schema(self, schema: str) -> Store:
        """Return a store in a schema."""
        return PostgresStore(self.schemas.url, schema=schema, connections=4)
