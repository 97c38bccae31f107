"""`SQLiteStore.on`: a store inside a connection and a transaction of the host's."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from funnelkit import Engine, Pipeline, Stage, Store
from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    FunnelkitError,
    InputError,
    KeyReusedError,
    NotAStoreError,
    SchemaVersionError,
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreFullError,
)
from funnelkit.storage.base import Answer, Commit, Write
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.migrations import versions
from funnelkit.testing import StoreContract, readable
from funnelkit.testing.samples import a_deal, a_move, filled, new

SALES = Pipeline("sales", [Stage("new"), Stage("offer")])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a database of a host's, with a table of its own and with ours."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE shop_order (id INTEGER PRIMARY KEY, text TEXT)")
    connection.commit()
    SQLiteStore.create_tables(connection)
    connection.close()
    return path


Connect = Callable[..., sqlite3.Connection]


@pytest.fixture
def connect(file: Path) -> Iterator[Connect]:
    """Return what opens the host's database; all is closed in the end."""
    opened: list[sqlite3.Connection] = []

    def connect(**settings: Any) -> sqlite3.Connection:
        opened.append(sqlite3.connect(file, **{"timeout": 0.01, **settings}))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def order(connection: sqlite3.Connection, id: int) -> None:
    """Write something of the host's own."""
    connection.execute("INSERT INTO shop_order VALUES (?, 'apples')", (id,))


def stored(connect: Connect) -> tuple[list[int], list[str]]:
    """Return what somebody else sees: ids of orders and of deals."""
    other = connect()
    orders = [id for (id,) in other.execute("SELECT id FROM shop_order ORDER BY id")]
    return orders, [id for (id,) in other.execute("SELECT id FROM deal ORDER BY id")]


class TestJoinedStore(StoreContract):
    """A store on a host's connection keeps the contract, in a transaction that stays open."""

    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def connections(self) -> Iterator[None]:
        """Close the connections in the end, as a host does."""
        self.opened: list[sqlite3.Connection] = []
        yield
        for connection in self.opened:
            connection.close()

    def make_store(self) -> Store:
        """Return a store on a new database in memory."""
        self.opened.append(sqlite3.connect(":memory:", **self.settings))
        SQLiteStore.create_tables(self.opened[-1])
        return SQLiteStore.on(self.opened[-1])


def dictionary(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """Make a row a dictionary, as hosts like it."""
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


class Odd(sqlite3.Connection):
    """A connection that would give rows as dictionaries and text as bytes, and has its own cursors."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row_factory = dictionary
        self.text_factory = bytes

    def cursor(self, *_: Any) -> Any:
        """Refuse."""
        raise AssertionError("the host's cursors are the host's")


class TestStoreOnAnOddConnection(TestJoinedStore):
    """The contract holds whatever factories, converters and isolation the host has set."""

    settings: ClassVar[dict[str, Any]] = {
        "factory": Odd,
        "isolation_level": "EXCLUSIVE",
        "detect_types": sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
    }

    @pytest.fixture(autouse=True)
    def converters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let columns of our types be converted, for as long as a test takes."""
        for declared in ("TEXT", "INTEGER", "REAL"):
            monkeypatch.setitem(sqlite3.converters, declared, lambda value: ("converted", value))


# -- whose transaction it is ----------------------------------------------------------------------------

LEGACY: list[dict[str, Any]] = [{"isolation_level": level} for level in ("", "DEFERRED", "IMMEDIATE")]
BY_HAND: list[dict[str, Any]] = [{"isolation_level": None}]
ALWAYS: list[dict[str, Any]] = []
if sys.version_info >= (3, 12):
    BY_HAND.append({"autocommit": True})
    ALWAYS.append({"autocommit": False})


@pytest.mark.parametrize("settings", [*LEGACY, *BY_HAND, *ALWAYS], ids=str)
@pytest.mark.parametrize("kept", [True, False])
def test_the_host_decides_about_both(settings: dict[str, Any], kept: bool, connect: Connect) -> None:
    """An order and a deal in one transaction are both kept or both gone; nobody sees them before."""
    connection = connect(**settings)
    if settings in BY_HAND:
        connection.execute("BEGIN")
    order(connection, 1)
    SQLiteStore.on(connection).commit(new(a_deal()))
    order(connection, 2)
    assert connection.in_transaction
    assert stored(connect) == ([], [])
    connection.execute("COMMIT" if kept else "ROLLBACK")
    assert stored(connect) == (([1, 2], ["d1"]) if kept else ([], []))


@pytest.mark.parametrize("settings", LEGACY, ids=str)
def test_a_transaction_is_begun_when_none_is_open(settings: dict[str, Any], connect: Connect) -> None:
    """As the driver does before the host's own writes, one is begun; ``commit()`` keeps it."""
    connection = connect(**settings)
    SQLiteStore.on(connection).commit(new(a_deal()))
    assert connection.in_transaction
    assert stored(connect) == ([], [])
    connection.commit()
    assert stored(connect) == ([], ["d1"])


def test_the_begun_transaction_has_the_write_lock(connect: Connect) -> None:
    """What is begun for the host is a transaction that nobody can overtake."""
    connection, other = connect(), connect()
    SQLiteStore.on(connection).commit(Commit())
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")


@pytest.mark.parametrize("settings", BY_HAND, ids=str)
def test_autocommit_without_a_transaction_is_refused(settings: dict[str, Any], connect: Connect) -> None:
    """Where the host begins by hand nothing is begun behind its back; the error says what to do."""
    connection = connect(**settings)
    with pytest.raises(InputError, match="BEGIN IMMEDIATE"):
        SQLiteStore.on(connection).commit(new(a_deal()))
    assert not connection.in_transaction


BAD: list[tuple[Commit, FunnelkitError]] = [
    (new(a_deal("d8"), a_deal()), AlreadyExistsError("deal", "d1")),
    (Commit(writes=(Write(a_deal("d8"), 0), Write(a_deal(version=4), 3))), ConflictError("deal", "d1", 3, 1)),
    (
        Commit(writes=(Write(a_deal("d8"), 0),), answers=(Answer(key="k", request="r", records=()),)),
        KeyReusedError("k"),
    ),
    (Commit(writes=(Write(a_deal("d8"), 0),), moves=(a_move(),)), AlreadyExistsError("move", "d1/1")),
]


@pytest.mark.parametrize(("bad", "error"), BAD)
def test_our_failure_undoes_our_part_alone(bad: Commit, error: FunnelkitError, connect: Connect) -> None:
    """A commit that fails leaves nothing, and all that the host and we wrote before in the transaction."""
    connection = connect()
    store = SQLiteStore.on(connection)
    order(connection, 1)
    store.commit(
        Commit(
            writes=(Write(a_deal(), 0),),
            moves=(a_move(),),
            answers=(Answer(key="k", request="r", records=()),),
        )
    )
    with pytest.raises(type(error)) as caught:
        store.commit(bad)
    assert caught.value == error
    assert connection.in_transaction
    connection.commit()
    assert stored(connect) == ([1], ["d1"])


@pytest.mark.parametrize(("bad", "error"), BAD[1:2])
def test_a_failed_first_commit_leaves_no_transaction(
    bad: Commit, error: FunnelkitError, connect: Connect
) -> None:
    """A transaction that was begun for a commit that fails is not left open, nor is the write lock."""
    connection = connect()
    with pytest.raises(ConflictError):
        SQLiteStore.on(connection).commit(bad)
    assert not connection.in_transaction
    connect().execute("BEGIN IMMEDIATE")


def test_savepoints_of_the_host_hold_ours(connect: Connect) -> None:
    """Rolling back to a savepoint of the host's undoes what was written behind it, and only that."""
    connection = connect(isolation_level=None)
    store = SQLiteStore.on(connection)
    connection.execute("BEGIN")
    store.commit(new(a_deal("d1")))
    connection.execute("SAVEPOINT funnelkit")  # of the same name as ours
    store.commit(new(a_deal("d2")))
    connection.execute("ROLLBACK TO funnelkit")
    connection.execute("COMMIT")
    assert stored(connect) == ([], ["d1"])


def test_closing_the_store_ends_nothing(connect: Connect) -> None:
    """``close`` lets go: the connection works, its transaction is open, the store is closed."""
    connection = connect()
    store = SQLiteStore.on(connection)
    store.commit(new(a_deal()))
    store.close()
    assert connection.in_transaction
    connection.commit()
    assert stored(connect) == ([], ["d1"])
    with pytest.raises(StoreClosedError):
        store.get("deal", "d1")


def test_a_connection_that_the_host_closed_is_closed(connect: Connect) -> None:
    """Using the store after the host closed its connection is a StoreClosedError."""
    connection = connect()
    store = SQLiteStore.on(connection)
    connection.close()
    for use in (lambda: store.get("deal", "d1"), lambda: store.commit(new(a_deal()))):
        with pytest.raises(StoreClosedError):
            use()


# -- the host's settings --------------------------------------------------------------------------------


def test_settings_of_the_host_stay(connect: Connect) -> None:
    """After writing, reading, failing and querying every setting is what it was."""
    connection = connect()
    connection.row_factory = dictionary
    connection.text_factory = bytes
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA synchronous = OFF")
    store = SQLiteStore.on(connection)
    assert store.query("SELECT id FROM deal", {}) == []
    with pytest.raises(StoreError):
        store.commit(new(a_deal()))
    assert (connection.row_factory, connection.text_factory) == (dictionary, bytes)
    for pragma, value in (("query_only", 1), ("synchronous", 0)):
        assert connection.execute(f"PRAGMA {pragma}").fetchone() == {pragma: value}


def test_an_engine_works_on_it(connect: Connect) -> None:
    """Verbs, lists and metrics run on a host's connection; the ledger is sound."""
    connection = connect()
    connection.row_factory = sqlite3.Row
    engine = Engine(SALES, store=SQLiteStore.on(connection))
    engine.advance(engine.create("Acme", key="k", id="d1"))
    assert engine.create("Acme", key="k", id="d1").id == "d1"
    assert [move.target for move in engine.history("d1")] == ["new", "offer"]
    assert engine.verify() == ()


def test_another_thread_is_told(connect: Connect) -> None:
    """A connection belongs to the thread that opened it; use from another is a StoreError that says so."""
    store = SQLiteStore.on(connect())
    said: list[str] = []

    def read() -> None:
        try:
            store.get("deal", "d1")
        except StoreError as error:
            said.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert len(said) == 1
    assert "thread" in said[0]


# -- faults ---------------------------------------------------------------------------------------------


def test_another_writer_is_busy(connect: Connect) -> None:
    """A lock held past the host's own time-out is a StoreBusyError; nothing is begun."""
    connection, other = connect(), connect()
    store = SQLiteStore.on(connection)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError):
        store.commit(new(a_deal()))
    assert not connection.in_transaction


def test_a_stale_transaction_is_told_to_begin_again(file: Path, connect: Connect) -> None:
    """Behind a deferred BEGIN whose snapshot is old, the error names BEGIN IMMEDIATE."""
    other = connect()
    other.execute("PRAGMA journal_mode = WAL")
    connection = connect(isolation_level=None)
    store = SQLiteStore.on(connection)
    connection.execute("BEGIN")
    assert store.find("deal", {}) == []
    order(other, 1)
    other.commit()
    with pytest.raises(StoreBusyError, match="BEGIN IMMEDIATE"):
        store.commit(new(a_deal()))


def test_a_full_database_says_what_became_of_the_transaction(connect: Connect) -> None:
    """Out of pages, the error says so if the host's transaction is gone with ours."""
    connection = connect()
    store = SQLiteStore.on(connection)
    order(connection, 1)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFullError) as caught:
        store.commit(new(*(a_deal(f"x{number}", name="x" * 500) for number in range(500))))
    assert connection.in_transaction != ("rolled back your whole transaction" in str(caught.value))
    assert store.find("deal", {}) == []


# -- the tables -----------------------------------------------------------------------------------------


def test_a_database_without_the_tables_is_named_with_the_mend(tmp_path: Path) -> None:
    """Joining a database that has no tables of ours is a NotAStoreError that says what makes them."""
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("CREATE TABLE deal (id TEXT)")
    with pytest.raises(NotAStoreError, match="create_tables") as caught:
        SQLiteStore.on(connection)
    assert caught.value.store == str(tmp_path / "shop.db")
    connection.close()


def test_tables_are_made_once(connect: Connect) -> None:
    """Making them again changes nothing that is stored."""
    connection = connect()
    SQLiteStore.on(connection).commit(new(*filled("я")))
    connection.commit()
    before = readable(SQLiteStore.on(connection))
    SQLiteStore.create_tables(connection)
    assert readable(SQLiteStore.on(connection)) == before


def test_a_table_of_the_hosts_in_the_way_is_named(tmp_path: Path) -> None:
    """Where the host has a table of one of our names, nothing is made and the error names it."""
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("CREATE TABLE Deal (id TEXT)")
    connection.commit()
    with pytest.raises(NotAStoreError, match="own tables deal"):
        SQLiteStore.create_tables(connection)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("Deal",)]
    connection.close()


@pytest.mark.parametrize("settings", [*LEGACY, *BY_HAND, *ALWAYS], ids=str)
def test_tables_in_an_open_transaction_are_part_of_it(settings: dict[str, Any], tmp_path: Path) -> None:
    """Made inside the host's transaction, the tables go when it is rolled back."""
    connection = sqlite3.connect(tmp_path / "shop.db", **settings)
    if not connection.in_transaction:
        connection.execute("BEGIN")
    SQLiteStore.create_tables(connection)
    assert connection.in_transaction
    connection.execute("ROLLBACK")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()


@pytest.mark.parametrize("settings", [*LEGACY, *BY_HAND], ids=str)
def test_tables_without_a_transaction_are_there_at_once(settings: dict[str, Any], tmp_path: Path) -> None:
    """Made while no transaction is open, the tables need no commit of the host's."""
    connection = sqlite3.connect(tmp_path / "shop.db", **settings)
    SQLiteStore.create_tables(connection)
    connection.close()
    with SQLiteStore(tmp_path / "shop.db") as store:
        assert store.find("deal", {}) == []


def test_a_store_opens_a_database_of_a_host(file: Path, connect: Connect) -> None:
    """``SQLiteStore(path)`` opens a database that has our tables, and leaves its header alone."""
    connection = connect()
    connection.execute("PRAGMA application_id = 77")
    connection.execute("PRAGMA user_version = 5")
    with SQLiteStore(file) as store:
        store.commit(new(a_deal()))
    assert SQLiteStore.on(connection).get("deal", "d1").id == "d1"
    assert connection.execute("PRAGMA application_id").fetchone() == (77,)
    assert connection.execute("PRAGMA user_version").fetchone() == (5,)


def test_a_file_of_our_own_can_be_joined(tmp_path: Path) -> None:
    """A file that `SQLiteStore` made needs no ``create_tables``."""
    SQLiteStore(tmp_path / "crm.db").close()
    connection = sqlite3.connect(tmp_path / "crm.db")
    SQLiteStore.on(connection).commit(new(a_deal()))
    connection.commit()
    connection.close()
    with SQLiteStore(tmp_path / "crm.db") as store:
        assert store.get("deal", "d1").id == "d1"


def test_tables_of_another_version_are_not_touched(file: Path, connect: Connect) -> None:
    """Older tables or newer ones are a SchemaVersionError with both versions, joined or opened."""
    for found in (len(versions()) - 1, len(versions()) + 1):
        connection = connect()
        connection.execute("UPDATE funnelkit_schema SET version = ?", (found,))
        connection.commit()
        for use in (lambda: SQLiteStore.on(connect()), lambda: SQLiteStore(file)):
            with pytest.raises(SchemaVersionError) as caught:
                use()
            assert (caught.value.found, caught.value.supported) == (found, len(versions()))


@pytest.mark.parametrize("given", [None, "crm.db", 5, object()])
def test_only_a_connection_of_sqlite3_can_be_joined(given: Any) -> None:
    """Anything else is an InputError."""
    for use in (SQLiteStore.on, SQLiteStore.create_tables):
        with pytest.raises(InputError):
            use(given)
