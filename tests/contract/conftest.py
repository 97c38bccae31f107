"""What the tests of PostgreSQL stores share: a new schema, a store in it, and a connection beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.servers import Schemas

if TYPE_CHECKING:
    from funnelkit.storage.postgres import PostgresStore


@pytest.fixture
def schema(schemas: Schemas) -> str:
    """Return the name of a new schema."""
    return schemas.new()


@pytest.fixture
def store(schemas: Schemas, schema: str) -> Iterator[PostgresStore]:
    """Give a new, empty store in PostgreSQL."""
    from funnelkit.storage.postgres import PostgresStore

    with PostgresStore(schemas.url, schema=schema) as made:
        yield made


@pytest.fixture
def sql(schemas: Schemas) -> Iterator[Any]:
    """Give a connection that commits by itself."""
    import psycopg

    with psycopg.connect(schemas.url, autocommit=True) as connection:
        yield connection
