"""`Engine.using`: what is special about each kind of host."""

# ruff: noqa: PT012 (it is the transaction that ends with the error)

from __future__ import annotations

import sqlite3
import threading
from contextlib import ExitStack, closing
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from tests.hosts import (
    AlwaysInOne,
    BareSQLite,
    CommittedSession,
    Django,
    OnSQLite,
    Shop,
    SQLAlchemyCore,
    SQLAlchemySession,
    cases,
)
from tests.servers import Schemas
from tests.unit.joining.conftest import SALES, Heard, Oops

from funnelkit import Engine
from funnelkit.errors import (
    InputError,
    NotAStoreError,
    StoreBusyError,
    StoreClosedError,
    StoreError,
)

TELLING = cases(lambda kind: kind.tells)
SILENT = cases(lambda kind: not kind.tells)


# -- hosts that tell ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shop", TELLING, indirect=True)
def test_one_may_join_again_and_again(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Two functions that each join one transaction write as one; what they did is told in its order."""
    with shop.transaction():
        one = shop.join(engine)
        deal = one.create("Acme", id="d1")
        with shop.join(engine) as two:
            deal = two.advance(deal)
        one.win(deal)
    assert heard == [("DealCreated", "d1"), ("DealMoved", "d1"), ("DealWon", "d1")]


@pytest.mark.parametrize("shop", TELLING, indirect=True)
def test_a_block_may_end_before_the_transaction(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Where the host tells, ``with`` is allowed and means nothing."""
    with shop.transaction():
        with shop.join(engine) as crm:
            crm.create("Acme", id="d1")
        assert heard == []
    assert heard == [("DealCreated", "d1")]


@pytest.mark.parametrize("shop", cases(lambda kind: kind is SQLAlchemySession), indirect=True)
def test_what_has_ended_begins_nothing(shop: Shop, engine: Engine) -> None:
    """A verb of a joined engine that is over raises before it touches the session."""
    with shop.selling(engine) as crm:
        crm.create("Acme")
    with pytest.raises(StoreClosedError):
        crm.create("Bolt")
    assert not shop.handle.in_transaction()


# -- hosts that cannot tell -----------------------------------------------------------------------------


@pytest.mark.parametrize("shop", SILENT, indirect=True)
def test_a_block_that_ends_too_early_is_an_error(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Nobody could be told; the error says so before the commit, so that it is seen the first time."""
    too_early = pytest.raises(InputError, match="still in its transaction")
    with too_early, shop.transaction(), shop.join(engine) as crm:
        crm.create("Acme", id="d1")
    assert heard == []
    assert shop.stored() == ([], [])


@pytest.mark.parametrize("shop", SILENT, indirect=True)
def test_where_nobody_listens_the_block_may_end_early(shop: Shop, engine: Engine) -> None:
    """Without subscribers there is nobody to be told."""
    with shop.transaction(), shop.join(engine) as crm:
        crm.create("Acme", id="d1")
    assert shop.stored() == ([], ["d1"])


@pytest.mark.parametrize("shop", SILENT, indirect=True)
def test_an_error_is_not_hidden_by_another(shop: Shop, engine: Engine, heard: Heard) -> None:
    """When the block dies inside the transaction, that error comes out, and nobody hears."""
    with pytest.raises(Oops), shop.transaction(), shop.join(engine) as crm:
        crm.create("Acme")
        raise Oops
    assert heard == []


@pytest.mark.parametrize("shop", SILENT, indirect=True)
def test_nor_is_one_that_comes_with_a_lost_connection(shop: Shop, engine: Engine, heard: Heard) -> None:
    """When the connection goes down in the transaction, what the host says of it comes out."""
    with pytest.raises(Exception) as caught, shop.selling(engine) as crm:  # noqa: PT011
        crm.create("Acme")
        shop.handle.close()
        raise Oops
    assert not isinstance(caught.value, InputError)
    assert heard == []


@pytest.mark.parametrize("shop", SILENT, indirect=True)
def test_a_closed_connection_tells_nothing(shop: Shop, engine: Engine, heard: Heard) -> None:
    """If the connection is closed inside the block, the error says that nobody was told."""
    with pytest.raises(InputError, match="is closed"), shop.join(engine) as crm:
        with shop.transaction():
            crm.create("Acme", id="d1")
        shop.handle.close()
    assert heard == []
    assert shop.stored() == ([], ["d1"])


@pytest.mark.parametrize("shop", SILENT, indirect=True)
def test_the_connection_is_left_idle(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Looking what was kept leaves no transaction behind that would hold back others."""
    with shop.selling(engine) as crm:
        crm.create("Acme", id="d1")
    bare = shop.handle.connection.driver_connection if isinstance(shop, SQLAlchemyCore) else shop.handle
    if not isinstance(bare, sqlite3.Connection):
        assert bare.info.transaction_status.name == "IDLE"
    else:
        with closing(sqlite3.connect(shop.database.file, timeout=0.01)) as other:  # type: ignore[union-attr]
            other.execute("DELETE FROM definition")
            other.commit()
        shop.order(1)  # from a snapshot of before, this could not be written


@pytest.mark.parametrize("shop", cases(lambda kind: not issubclass(kind, Django)), indirect=True)
def test_what_reads_late_reads_nothing(shop: Shop, engine: Engine) -> None:
    """The store inside is closed with the transaction: its connection may be somebody else's by then."""
    with shop.selling(engine) as crm:
        crm.create("Acme")
        store = crm.store
    with pytest.raises(StoreClosedError):
        store.find("deal", {})


# -- sqlite3 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shop", cases(lambda kind: kind is AlwaysInOne), indirect=True)
def test_a_connection_that_is_always_in_a_transaction(shop: Shop, engine: Engine, heard: Heard) -> None:
    """With ``autocommit=False`` a commit is told apart from none, also when something was read since."""
    with shop.join(engine) as crm:
        crm.create("Acme", id="d1")
        shop.handle.commit()
        shop.execute("SELECT * FROM deal").fetchall()
    assert heard == [("DealCreated", "d1")]


def test_autocommit_is_refused(tmp_path: Path, engine: Engine) -> None:
    """Without a transaction there is nothing to join: the first write says what to do."""
    shop = BareSQLite(OnSQLite(tmp_path / "shop.db"))
    shop.handle.isolation_level = None
    with closing(shop), shop.join(engine) as crm, pytest.raises(InputError, match="BEGIN IMMEDIATE"):
        crm.create("Acme")


def test_a_deferred_transaction_that_came_too_late(tmp_path: Path, engine: Engine) -> None:
    """Who read before somebody else wrote cannot write; the error says how to begin."""
    database = OnSQLite(tmp_path / "shop.db")
    with closing(sqlite3.connect(database.file)) as other, closing(BareSQLite(database)) as shop:
        other.execute("PRAGMA journal_mode = WAL")
        shop.execute("BEGIN")
        shop.execute("SELECT * FROM deal").fetchall()
        other.execute("INSERT INTO shop_order VALUES (1, NULL)")
        other.commit()
        with shop.join(engine) as crm, pytest.raises(StoreBusyError, match="BEGIN IMMEDIATE"):
            crm.create("Acme")
        shop.handle.rollback()


def test_another_thread_is_refused(tmp_path: Path, engine: Engine) -> None:
    """A sqlite3 connection belongs to its thread, and so does what joined it."""
    raised: list[BaseException] = []
    with closing(BareSQLite(OnSQLite(tmp_path / "shop.db"))) as shop, shop.join(engine) as crm:

        def use() -> None:
            try:
                crm.create("Acme")
            except StoreError as error:
                raised.append(error)

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    assert "thread" in str(raised[0])


def test_without_tables_it_says_how_to_make_them(engine: Engine) -> None:
    """A database of the host's without funnelkit's tables names `SQLiteStore.create_tables`."""
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(NotAStoreError, match="create_tables"),
    ):
        engine.using(connection)


def test_threads_have_their_own(tmp_path: Path, engine: Engine, heard: Heard) -> None:
    """Connections of several threads are joined at once; each transaction is told of by itself."""
    database = OnSQLite(tmp_path / "shop.db")
    barrier = threading.Barrier(4)

    def sell(number: int) -> None:
        with closing(sqlite3.connect(database.file, timeout=30)) as connection:
            barrier.wait()
            with engine.using(connection) as crm, connection:
                crm.create("Acme", id=f"d{number}")
                if number % 2:
                    connection.rollback()

    threads = [threading.Thread(target=sell, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) == [("DealCreated", "d0"), ("DealCreated", "d2")]


# -- PostgreSQL -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shop", cases(lambda kind: kind.__name__ == "PsycopgAutocommit"), indirect=True)
def test_autocommit_of_psycopg_is_refused(shop: Shop, engine: Engine) -> None:
    """Without a transaction there is nothing to join."""
    with shop.join(engine) as crm, pytest.raises(InputError, match="autocommit"):
        crm.create("Acme")


@pytest.mark.parametrize("shop", cases(lambda kind: kind.__name__ == "PsycopgBlock"), indirect=True)
def test_the_feed_of_postgres_is_not_read_inside(shop: Shop, engine: Engine) -> None:
    """Reading it gives positions, which must not wait for the host; the error says where to read it."""
    with shop.selling(engine) as crm:
        crm.create("Acme")
        with pytest.raises(StoreError, match="feed cannot be read inside a transaction"):
            crm.changes()
        crm.create("Bolt", id="d2")
    assert "d2" in shop.stored()[1]


@pytest.mark.parametrize("shop", cases(lambda kind: kind.__name__ == "PsycopgBlock"), indirect=True)
def test_a_block_inside_a_transaction_is_only_a_savepoint(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Psycopg begins a transaction with the first statement; a block in there commits nothing."""
    shop.order(1)
    with pytest.raises(InputError, match="still in its transaction"), shop.selling(engine) as crm:
        crm.create("Acme")
    assert heard == []


def test_a_schema_without_tables_is_named(schemas: Schemas, engine: Engine) -> None:
    """Where there are no tables of ours, the schema is in the error."""
    import psycopg

    nowhere = pytest.raises(NotAStoreError, match="nowhere")
    with (
        psycopg.connect(schemas.url) as connection,
        engine.using(connection, schema="nowhere") as crm,
        nowhere,
    ):
        crm.create("Acme")


# -- SQLAlchemy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shop", cases(lambda kind: kind is CommittedSession), indirect=True)
def test_a_session_that_is_closed_keeps_nothing(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Closing without a commit takes back the deal; the next transaction does not tell of it."""
    shop.join(engine).create("Acme", id="d1")
    shop.handle.close()
    with shop.selling(engine) as crm:
        crm.create("Bolt", id="d2")
    assert shop.stored() == ([], ["d2"])
    assert heard == [("DealCreated", "d2")]


@pytest.mark.parametrize("shop", cases(lambda kind: kind is SQLAlchemySession), indirect=True)
def test_a_flush_that_fails_in_a_savepoint(shop: Shop, engine: Engine, heard: Heard) -> None:
    """The host catches its own IntegrityError and goes on: the deal is there, and is heard of."""
    from sqlalchemy import Column, Integer, Table
    from sqlalchemy.exc import IntegrityError
    from sqlalchemy.orm import Session, registry

    class Order:
        def __init__(self, id: int) -> None:
            self.id = id

    mappings = registry()
    schema = shop.database.schema if "." in shop.database.table else None
    columns = [Column("id", Integer, primary_key=True)]
    mappings.map_imperatively(Order, Table("shop_order", mappings.metadata, *columns, schema=schema))
    session = Session(shop.handle.bind)
    with session, session.begin():
        session.add(Order(1))
        crm = engine.using(session, schema=shop.database.schema)
        crm.create("Acme", id="d1")
        with pytest.raises(IntegrityError), session.begin_nested():
            crm.create("Bolt", id="d2")
            session.expunge_all()
            session.add(Order(1))
            session.flush()
        crm.create("Coda", id="d3")
    assert shop.stored() == ([1], ["d1", "d3"])
    assert heard == [("DealCreated", "d1"), ("DealCreated", "d3")]


@pytest.mark.parametrize("shop", cases(lambda kind: kind is SQLAlchemySession), indirect=True)
def test_a_session_in_a_transaction_around_it(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Tests bind a Session to a Connection and roll that back: its commits are told of, nothing is kept."""
    from sqlalchemy.orm import Session

    with shop.pool.connect() as connection:  # type: ignore[attr-defined]
        outer = connection.begin()
        connection.exec_driver_sql(f"INSERT INTO {shop.database.table} VALUES (1, NULL)")
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            engine.using(session, schema=shop.database.schema).create("Acme", id="d1")
            session.commit()
            assert heard == [("DealCreated", "d1")]
            engine.using(session, schema=shop.database.schema).create("Bolt", id="d2")
            session.rollback()
        outer.rollback()
    assert heard == [("DealCreated", "d1")]
    assert shop.stored() == ([], [])


@pytest.mark.parametrize("shop", cases(lambda kind: kind is SQLAlchemyCore), indirect=True)
def test_a_connection_of_a_pool_is_left_alone_once_given_back(shop: Shop, engine: Engine) -> None:
    """The driver's connection may be somebody else's by then: a verb raises before it touches it."""
    crm = shop.join(engine)
    shop.handle.close()
    with pytest.raises(StoreClosedError, match="given back"):
        crm.create("Acme")


@pytest.mark.parametrize("shop", cases(lambda kind: kind is SQLAlchemyCore), indirect=True)
def test_a_verb_begins_a_transaction_of_the_connection(shop: Shop, engine: Engine, heard: Heard) -> None:
    """As every first use of a Connection does; else ``commit()`` would see nothing to commit."""
    with shop.join(engine) as crm:
        crm.create("Acme", id="d1")
        shop.handle.commit()
    assert shop.stored() == ([], ["d1"])
    assert heard == [("DealCreated", "d1")]


def test_what_cannot_be_looked_up_is_logged(
    tmp_path: Path, engine: Engine, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that dies with the commit: the commit stands, nobody is told, and the log says so."""
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed")
    with closing(CommittedSession(OnSQLite(tmp_path / "shop.db"))) as shop:
        bare = shop.handle.connection().connection.driver_connection
        sqlalchemy.event.listen(shop.handle, "after_commit", lambda _: bare.close())
        with shop.selling(engine) as crm:
            crm.create("Acme", id="d1")
        assert shop.stored() == ([], ["d1"])
    assert heard == []
    assert "nobody was told" in caplog.text


# -- Django ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shop", cases(lambda kind: kind is Django), indirect=True)
def test_django_outside_of_atomic_is_refused(shop: Shop, engine: Engine) -> None:
    """Every statement would be a transaction of its own: the error says what to wrap it in."""
    with pytest.raises(InputError, match=r"transaction\.atomic"):
        shop.join(engine)


@pytest.mark.parametrize("shop", cases(lambda kind: kind is Django), indirect=True)
def test_the_connection_of_django_may_be_a_proxy(shop: Shop, engine: Engine, heard: Heard) -> None:
    """``django.db.connection`` stands for the connection of the thread; it is taken for that."""
    from django.db import connections
    from django.utils.connection import ConnectionProxy

    with shop.transaction():
        proxy = ConnectionProxy(connections, "shop")
        engine.using(proxy, schema=shop.database.schema).create("Acme", id="d1")
    assert heard == [("DealCreated", "d1")]


# -- anything else --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [None, 5, "sqlite:///crm.db", object(), Engine(SALES)])
def test_what_is_no_connection_is_named(what: Any, engine: Engine) -> None:
    """The error lists what can be joined."""
    with pytest.raises(InputError, match=r"cannot be joined.*sqlite3 or psycopg") as caught:
        engine.using(what)
    assert caught.value.argument == "connection"


@pytest.mark.parametrize("shop", cases(lambda kind: issubclass(kind, BareSQLite)), indirect=True)
def test_sqlite_has_no_schemas(shop: Shop, engine: Engine) -> None:
    """A schema that would be left aside is refused; the default of the argument is none."""
    with shop.transaction():
        with pytest.raises(InputError) as caught:
            engine.using(shop.handle, schema="crm")
        assert (caught.value.argument, caught.value.fix) == (
            "schema",
            "leave it out: the tables are in the database that was opened",
        )
        engine.using(shop.handle, schema="public")


def test_relatives_of_connections_are_named(tmp_path: Path, engine: Engine) -> None:
    """A cursor, an engine of SQLAlchemy, a raw connection of its pool: each is refused as such."""
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed")
    with ExitStack() as stack:
        connection = stack.enter_context(closing(sqlite3.connect(":memory:")))
        pool = sqlalchemy.create_engine("sqlite://")
        stack.callback(pool.dispose)
        raw = stack.enter_context(closing(pool.raw_connection()))
        for relative in (connection.cursor(), pool, raw):
            with pytest.raises(InputError) as caught:
                engine.using(relative)
            assert caught.value.argument == "connection"


def test_the_schema_is_that_of_the_store() -> None:
    """Who says nothing gets the same schema from ``using`` and from ``PostgresStore``."""
    from funnelkit import AsyncEngine
    from funnelkit.storage.postgres import PostgresStore

    stores = signature(PostgresStore.__init__).parameters["schema"].default
    for engine in (Engine, AsyncEngine):
        assert signature(engine.using).parameters["schema"].default == stores


@pytest.mark.parametrize("shop", cases(lambda kind: kind is Django), indirect=True)
def test_a_connection_that_django_gave_back_is_left_alone(shop: Shop, engine: Engine) -> None:
    """Django may have a pool: in a later transaction on another connection the old engine raises."""
    with shop.transaction():
        crm = shop.join(engine)
    bare, shop.handle.connection = shop.handle.connection, None  # as to a pool
    gone = pytest.raises(StoreClosedError, match="has left")
    with closing(bare), shop.transaction(), gone:
        crm.create("Acme")


@pytest.mark.parametrize("shop", cases(lambda kind: kind is Django), indirect=True)
def test_what_django_cannot_look_up_is_logged(
    shop: Shop, engine: Engine, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that dies with the commit: the commit stands, nobody is told, and the log says so."""
    with shop.selling(engine) as crm:
        shop.handle.on_commit(shop.handle.connection.close)
        crm.create("Acme", id="d1")
    assert shop.stored() == ([], ["d1"])
    assert heard == []
    assert "on_commit" in caplog.text


@pytest.mark.parametrize("shop", cases(lambda kind: kind is Django), indirect=True)
def test_django_tells_in_a_test_case(shop: Shop, engine: Engine, heard: Heard) -> None:
    """A test that never commits hears by Django's own means for such tests."""
    from django.test import TestCase

    with pytest.raises(Oops), shop.transaction():
        with TestCase.captureOnCommitCallbacks(using="shop", execute=True):
            shop.join(engine).create("Acme", id="d1")
        raise Oops
    assert heard == [("DealCreated", "d1")]


@pytest.mark.parametrize("shop", cases(lambda kind: kind is Django), indirect=True)
def test_manual_transactions_of_django_are_refused(shop: Shop, engine: Engine) -> None:
    """Without ``atomic()`` Django cannot tell when it has committed."""
    shop.handle.set_autocommit(False)
    try:
        with pytest.raises(InputError, match=r"transaction\.atomic"):
            shop.join(engine)
    finally:
        shop.handle.rollback()
        shop.handle.set_autocommit(True)


@pytest.mark.parametrize("shop", cases(lambda kind: kind is SQLAlchemyCore), indirect=True)
def test_autocommit_of_sqlalchemy_is_refused(shop: Shop, engine: Engine) -> None:
    """What SQLAlchemy calls a transaction is none there."""
    from sqlalchemy.orm import Session

    pool = shop.pool.execution_options(isolation_level="AUTOCOMMIT")  # type: ignore[attr-defined]
    with pool.connect() as connection, Session(pool) as session:
        for host in (connection, session):
            crm = engine.using(host, schema=shop.database.schema)
            with pytest.raises(InputError, match="autocommit"):
                crm.create("Acme")
    assert shop.stored() == ([], [])


@pytest.mark.parametrize("shop", cases(lambda kind: kind.__name__ == "PsycopgBlock"), indirect=True)
def test_one_key_in_two_transactions_at_once(shop: Shop, engine: Engine, heard: Heard) -> None:
    """The second waits for the first, and then answers what the first has done; nothing is done twice."""
    import psycopg

    made: list[Any] = []

    def repeat() -> None:
        with psycopg.connect(shop.database.url) as second:  # type: ignore[union-attr]
            joined = engine.using(second, schema=shop.database.schema)
            with joined as crm, second.transaction():
                made.append(crm.create("Acme", key="order-1"))

    waits = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    thread = threading.Thread(target=repeat)
    with shop.selling(engine) as crm:
        made.append(crm.create("Acme", key="order-1"))
        thread.start()
        while thread.is_alive() and shop.database.rows(waits) == [0]:
            pass
    thread.join()
    assert made[0] == made[1]
    assert shop.stored() == ([], [made[0].id])
    assert heard == [("DealCreated", made[0].id)]
