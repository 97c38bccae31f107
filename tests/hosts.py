"""Programs whose transactions are joined: one small shop for each kind of connection.

A shop has a table of orders of its own beside funnelkit's tables. All shops are used alike, so that a
fact is tested on every one of them.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.servers import Schemas

from funnelkit import Engine, Store
from funnelkit.storage.sqlite import SQLiteStore

ORDERS = (
    "CREATE TABLE {} (id INTEGER PRIMARY KEY, part_of INTEGER REFERENCES {} DEFERRABLE INITIALLY DEFERRED)"
)


class OnSQLite:
    """The database of a shop: a SQLite file."""

    table = "shop_order"
    schema = "public"

    def __init__(self, file: Path) -> None:
        self.file = file
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(ORDERS.format(self.table, self.table))
            connection.commit()
            SQLiteStore.create_tables(connection)

    def rows(self, sql: str) -> list[Any]:
        """Return what somebody else sees: the first column."""
        with closing(sqlite3.connect(self.file, timeout=0.01)) as connection:
            return [row[0] for row in connection.execute(sql)]

    def store(self) -> Store:
        """Open a store of its own over the same tables."""
        return SQLiteStore(self.file, durability="fast")


class OnPostgres:
    """The database of a shop: a schema in PostgreSQL."""

    def __init__(self, schemas: Schemas) -> None:
        from funnelkit.storage.postgres import PostgresStore

        self.url, self.schema = schemas.url, schemas.new()
        self.table = f"{self.schema}.shop_order"
        PostgresStore(self.url, schema=self.schema).close()
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(ORDERS.format(self.table, self.table))

    def rows(self, sql: str) -> list[Any]:
        """Return what somebody else sees: the first column."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"SET search_path = {self.schema}")
            return [row[0] for row in connection.execute(sql)]

    def store(self) -> Store:
        """Open a store of its own over the same tables."""
        from funnelkit.storage.postgres import PostgresStore

        return PostgresStore(self.url, schema=self.schema, connections=1)


Database = OnSQLite | OnPostgres


class Shop:
    """A program with a connection.

    Attributes:
        handle: What is given to ``engine.using``.
        tells: Whether the host says when its transaction is over.
    """

    handle: Any
    tells: ClassVar[bool] = False

    def __init__(self, database: Database) -> None:
        self.database = database
        self.open()

    def open(self) -> None:
        """Connect."""

    def close(self) -> None:
        """Close what was opened."""
        self.handle.close()

    def execute(self, sql: str) -> Any:
        """Run a statement of the shop's own."""
        return self.handle.execute(sql)

    def order(self, id: int, part_of: str = "NULL") -> None:
        """Write an order."""
        self.execute(f"INSERT INTO {self.database.table} VALUES ({id}, {part_of})")

    @contextmanager
    def transaction(self) -> Iterator[object]:
        """Commit at the end; roll back when something is raised."""
        try:
            yield
        except BaseException:
            self.handle.rollback()
            raise
        try:
            self.handle.commit()
        except BaseException:
            self.handle.rollback()
            raise

    @contextmanager
    def selling(self, engine: Engine) -> Iterator[Engine]:
        """Join a transaction, as the how-to says."""
        with self.join(engine) as crm, self.transaction():
            yield crm

    def join(self, engine: Engine) -> Engine:
        """Join the transaction of the connection."""
        return engine.using(self.handle, schema=self.database.schema)

    @contextmanager
    def savepoint(self) -> Iterator[object]:
        """Take back what is done inside when something is raised, and go on."""
        self.execute("SAVEPOINT host")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK TO SAVEPOINT host")
            raise
        finally:
            self.execute("RELEASE SAVEPOINT host")

    def stored(self) -> tuple[list[int], list[str]]:
        """Return the ids of orders and deals that somebody else sees."""
        orders = self.database.rows("SELECT id FROM shop_order ORDER BY id")
        return orders, self.database.rows("SELECT id FROM deal ORDER BY id")


class BareSQLite(Shop):
    """A sqlite3 connection as it comes."""

    settings: ClassVar[dict[str, Any]] = {}

    def open(self) -> None:
        """Connect."""
        assert isinstance(self.database, OnSQLite)
        self.handle = sqlite3.connect(self.database.file, timeout=0.01, **self.settings)
        self.handle.rollback()  # foreign keys cannot be switched on inside a transaction
        mode = getattr(self.handle, "autocommit", -1)
        if mode is False:
            self.handle.autocommit = True
        self.handle.execute("PRAGMA foreign_keys = ON")
        if mode is False:
            self.handle.autocommit = False

    def transaction(self) -> AbstractContextManager[object]:
        """Use the connection as a context, which commits or rolls back."""
        self.execute("SELECT 1")
        return self.handle  # type: ignore[no-any-return]


class AlwaysInOne(BareSQLite):
    """A sqlite3 connection of the newer kind, which is always in a transaction."""

    settings: ClassVar[dict[str, Any]] = {"autocommit": False}


class ByHand(BareSQLite):
    """A sqlite3 connection whose transactions are begun and ended with SQL."""

    settings: ClassVar[dict[str, Any]] = {"isolation_level": None}

    @contextmanager
    def transaction(self) -> Iterator[object]:
        """Begin and end with SQL."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self.execute("ROLLBACK")
            raise


class BarePsycopg(Shop):
    """A psycopg connection that is committed by hand."""

    autocommit = False

    def open(self) -> None:
        """Connect."""
        import psycopg

        assert isinstance(self.database, OnPostgres)
        self.handle = psycopg.connect(self.database.url, autocommit=self.autocommit)


class PsycopgBlock(BarePsycopg):
    """A psycopg connection with ``transaction()`` blocks."""

    def transaction(self) -> AbstractContextManager[object]:
        """Use a block, which commits or rolls back."""
        return self.handle.transaction()  # type: ignore[no-any-return]

    def savepoint(self) -> AbstractContextManager[object]:
        """Use a block inside the block."""
        return self.handle.transaction()  # type: ignore[no-any-return]


class PsycopgAutocommit(PsycopgBlock):
    """A psycopg connection in autocommit mode, with ``transaction()`` blocks."""

    autocommit = True


class SQLAlchemyCore(Shop):
    """A ``Connection`` of SQLAlchemy with ``begin()``."""

    def open(self) -> None:
        """Connect."""
        self.pool = self.engine()
        self.handle = self.pool.connect()

    def engine(self) -> Any:
        """Return an engine of SQLAlchemy."""
        import sqlalchemy

        if isinstance(self.database, OnPostgres):
            return sqlalchemy.create_engine(self.database.url.replace("postgresql:", "postgresql+psycopg:"))
        pool = sqlalchemy.create_engine(f"sqlite:///{self.database.file}")
        sqlalchemy.event.listen(pool, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys = ON"))
        return pool

    def close(self) -> None:
        """Close what was opened."""
        self.handle.close()
        self.pool.dispose()

    def execute(self, sql: str) -> Any:
        """Run a statement of the shop's own."""
        import sqlalchemy

        return self.handle.execute(sqlalchemy.text(sql))

    def transaction(self) -> AbstractContextManager[object]:
        """Use a block, which commits or rolls back."""
        return self.handle.begin()  # type: ignore[no-any-return]

    def savepoint(self) -> AbstractContextManager[object]:
        """Use a nested block."""
        return self.handle.begin_nested()  # type: ignore[no-any-return]


class SQLAlchemySession(SQLAlchemyCore):
    """A ``Session`` of SQLAlchemy with ``begin()``."""

    tells = True

    def open(self) -> None:
        """Connect."""
        from sqlalchemy.orm import Session

        self.pool = self.engine()
        self.handle = Session(self.pool)

    @contextmanager
    def selling(self, engine: Engine) -> Iterator[Engine]:
        """Join a transaction that has begun."""
        with self.transaction():
            yield self.join(engine)


class CommittedSession(SQLAlchemySession):
    """A ``Session`` of SQLAlchemy that is committed by hand."""

    @contextmanager
    def transaction(self) -> Iterator[object]:
        """Commit, or roll back."""
        try:
            yield
            self.handle.commit()
        except BaseException:
            self.handle.rollback()
            raise


class ScopedSession(CommittedSession):
    """A ``scoped_session`` of SQLAlchemy, whose raw SQL makes the savepoints."""

    def open(self) -> None:
        """Connect."""
        from sqlalchemy.orm import scoped_session, sessionmaker

        self.pool = self.engine()
        self.handle = scoped_session(sessionmaker(self.pool))

    savepoint = Shop.savepoint

    def close(self) -> None:
        """Close what was opened."""
        self.handle.remove()
        self.pool.dispose()


class Django(Shop):
    """A connection of Django with ``atomic()`` blocks."""

    tells = True

    def open(self) -> None:
        """Connect."""
        import django
        from django.conf import settings
        from django.db import connections

        if not settings.configured:
            settings.configure(DATABASES={}, USE_TZ=True)
            django.setup()
        connections.settings["shop"] = connections.configure_settings(
            {"shop": self.setting(), "default": {}}
        )["shop"]
        self.handle = connections["shop"]

    def setting(self) -> dict[str, Any]:
        """Return an entry of ``DATABASES``."""
        if isinstance(self.database, OnSQLite):
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(self.database.file),
                "OPTIONS": {"timeout": 0.01},
            }
        from psycopg.conninfo import conninfo_to_dict

        found = conninfo_to_dict(self.database.url)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": found["dbname"],
            "USER": found["user"],
            "HOST": found["host"],
            "PORT": found["port"],
        }

    def close(self) -> None:
        """Close what was opened."""
        from django.db import connections

        self.handle.close()
        del connections["shop"]
        del connections.settings["shop"]

    def execute(self, sql: str) -> Any:
        """Run a statement of the shop's own."""
        with self.handle.cursor() as cursor:
            cursor.execute(sql)

    def transaction(self) -> AbstractContextManager[object]:
        """Use a block, which commits or rolls back."""
        from django.db import transaction

        return transaction.atomic(using="shop")

    savepoint = transaction

    @contextmanager
    def selling(self, engine: Engine) -> Iterator[Engine]:
        """Join a transaction that has begun."""
        with self.transaction():
            yield self.join(engine)


class DjangoRaw(Django):
    """A connection of Django whose savepoints are raw SQL, of which Django does not know."""

    savepoint = Shop.savepoint


ON_SQLITE: list[type[Shop]] = [BareSQLite, ByHand]
if sys.version_info >= (3, 12):
    ON_SQLITE.append(AlwaysInOne)
ON_POSTGRES: list[type[Shop]] = [BarePsycopg, PsycopgBlock, PsycopgAutocommit]
ON_BOTH: list[type[Shop]] = [
    SQLAlchemyCore,
    SQLAlchemySession,
    CommittedSession,
    ScopedSession,
    Django,
    DjangoRaw,
]
CASES = [
    *((kind, "sqlite") for kind in ON_SQLITE),
    *((kind, "postgres") for kind in ON_POSTGRES),
    *((kind, database) for kind in ON_BOTH for database in ("sqlite", "postgres")),
]


def cases(wanted: Callable[[type[Shop]], bool] = lambda _: True) -> list[Any]:
    """Return the parameters of a test over all shops, or over some."""
    return [
        pytest.param((kind, database), id=f"{kind.__name__}-{database}")
        for kind, database in CASES
        if wanted(kind)
    ]


@contextmanager
def opened(case: tuple[type[Shop], str], request: pytest.FixtureRequest, folder: Path) -> Iterator[Shop]:
    """Open a shop for a test; skip when what it needs is not there."""
    kind, database = case
    for package in ("sqlalchemy", "django"):
        if issubclass(kind, SQLAlchemyCore if package == "sqlalchemy" else Django):
            pytest.importorskip(package, reason=f"{package} is not installed: pip install 'funnelkit[test]'")
    place: Database = (
        OnSQLite(folder / "shop.db")
        if database == "sqlite"
        else OnPostgres(request.getfixturevalue("schemas"))
    )
    shop = kind(place)
    try:
        yield shop
    finally:
        shop.close()
