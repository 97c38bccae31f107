"""What stores say when they are asked for what cannot be: argument, problem and mend, to the letter."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from funnelkit import Engine, MemoryStore, Pipeline, Stage, Store, open_store
from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    FunnelkitError,
    InputError,
    KeyReusedError,
    NotAStoreError,
    StoreBusyError,
    StoreClosedError,
)
from funnelkit.records import Close
from funnelkit.storage import Answer, Attribute, Capabilities, Commit, Write
from funnelkit.storage.base import MatchKey
from funnelkit.storage.commit_json import commit_from_json, commit_to_json
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.storage.sqlite.rollups.folding import Rollups
from funnelkit.storage.sqlite.writing import write
from funnelkit.testing.samples import AT, a_change, a_contact, a_deal, a_move, an_activity, new

SELECT_ONLY = "give one SELECT over the tables of the schema"
COLUMNS = "company, email, lead_source, name, owner, phone, replaced_by"


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return a store with one deal, at version 1."""
    made: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "crm.db")
    made.commit(new(a_deal()))
    yield made
    made.close()


def said(call: Callable[[], object]) -> FunnelkitError:
    """Return the error of a call."""
    with pytest.raises(FunnelkitError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("person", {}), InputError("kind", "'person' is no kind of record", "lead, deal, contact, company")),
        ((["deal"], {}), InputError("kind", "['deal'] is no kind of record", "lead, deal, contact, company")),
        (("contact", {"stage": "new"}), InputError("where", "'stage' cannot be compared", COLUMNS)),
        (("contact", {"owner": 5}), InputError("owner", "5 is not text")),
        (("contact", {}, 5), InputError("after", "5 is not an id")),
        (("contact", {}, "\ud800"), InputError("after", "'\\ud800' is not an id")),
        (("contact", {}, "", 0), InputError("limit", "0 is not a whole number from 1 on")),
        (("contact", {}, "", True), InputError("limit", "True is not a whole number from 1 on")),
        (("contact", {}, "", 2**63), InputError("limit", f"{2**63} is not a whole number from 1 on")),
    ],
)
def test_what_cannot_be_found(store: Store, arguments: tuple[Any, ...], error: FunnelkitError) -> None:
    """A list of a kind, by a column, behind an id or of a length that cannot be."""
    kind, where, after, limit = (*arguments, *("", 100)[len(arguments) - 2 :])
    assert said(lambda: store.find(kind, where, after=after, limit=limit)) == error


@pytest.mark.parametrize("limit", [1, 2**63 - 1])
def test_what_can_be_found(store: Store, limit: int) -> None:
    """The shortest list and the longest one are lists."""
    assert store.find("deal", {"stage": "new"}, limit=limit) == [a_deal()]


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ({"after": -1}, InputError("after", "-1 is not a whole number from 0 on")),
        ({"after": 0.5}, InputError("after", "0.5 is not a whole number from 0 on")),
        ({"after": 2**63}, InputError("after", f"{2**63} is not a whole number from 0 on")),
        ({"limit": 0}, InputError("limit", "0 is not a whole number from 1 on")),
    ],
)
def test_no_such_page_of_the_feed(store: Store, page: dict[str, Any], error: FunnelkitError) -> None:
    """Positions are whole numbers from 0 on, lengths from 1 on."""
    assert said(lambda: store.changes(**page)) == error


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("DELETE FROM deal", "'DELETE FROM deal' is no SELECT"),
        ("SELECT * FROM absent", "no such table: absent"),
        (f"SELECT {'x' * 300}", f"no such column: {'x' * 184}"),  # 200 characters in all
    ],
)
def test_no_such_query(store: Store, sql: str, problem: str) -> None:
    """What is no SELECT, or none that can be run; the database's own words are cut."""
    assert said(lambda: store.query(sql, {})) == InputError("sql", problem, SELECT_ONLY)
    assert store.query("SELECT 1", {}) == [(1,)]
    store.commit(new(a_contact()))


CALLS: dict[str, Callable[[Store], object]] = {
    "commit": lambda store: store.commit(Commit()),
    "get": lambda store: store.get("deal", "d1"),
    "get_many": lambda store: store.get_many("deal", ["d1"]),
    "find": lambda store: store.find("deal", {}),
    "moves": lambda store: store.moves("d1"),
    "activities": lambda store: store.activities("d1"),
    "attributes": lambda store: store.attributes("d1"),
    "changes": lambda store: store.changes(),
    "answer": lambda store: store.answer("k"),
    "definitions": lambda store: store.definitions(),
    "query": lambda store: store.query("SELECT 1", {}),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_store_says_which(store: Store, call: str) -> None:
    """Each method names the store and says that it is closed."""
    name = str(store.path) if isinstance(store, SQLiteStore) else "MemoryStore"
    store.close()
    assert said(lambda: CALLS[call](store)) == StoreClosedError(name, "closed")


# Who is in the way


def write_of(id: str, version: int, expected: int) -> Write:
    """Return the write of a deal."""
    return Write(a_deal(id, version=version), expected)


@pytest.mark.parametrize(
    ("writes", "error"),
    [
        ([("d1", 3, 2)], ConflictError("deal", "d1", 2, 1)),
        ([("d3", 2, 1)], ConflictError("deal", "d3", 1, 0)),
        ([("d1", 2, 1), ("d1", 2, 1)], ConflictError("deal", "d1", 1, 2)),
        ([("d1", 2, 1), ("d1", 2, 1), ("d2", 2, 1)], ConflictError("deal", "d1", 1, 2)),
        ([("d2", 2, 1), ("d1", 2, 1), ("d1", 3, 1)], ConflictError("deal", "d1", 1, 2)),
        ([("d1", 2, 1), ("d1", 3, 2), ("d2", 3, 2)], ConflictError("deal", "d2", 2, 1)),
        ([("d1", 2, 1), ("d1", 3, 2), ("d1", 3, 2)], ConflictError("deal", "d1", 2, 3)),
    ],
)
def test_a_conflict_names_the_record_and_both_versions(
    store: Store, writes: list[tuple[str, int, int]], error: FunnelkitError
) -> None:
    """The first write of a commit that does not find what it expects, those before it counted."""
    store.commit(new(a_deal("d2")))
    assert said(lambda: store.commit(Commit(writes=tuple(write_of(*each) for each in writes)))) == error
    assert store.get_many("deal", ["d1", "d2"]) == {"d1": a_deal(), "d2": a_deal("d2")}


def test_a_record_may_be_written_twice_in_a_commit(store: Store) -> None:
    """Each time on top of the time before."""
    store.commit(Commit(writes=(write_of("d1", 2, 1), write_of("d1", 3, 2))))
    assert store.get("deal", "d1") == a_deal(version=3)


ANSWER = Answer(key="k1", request="r", records=())


@pytest.mark.parametrize(
    ("commit", "error"),
    [
        (new(a_deal()), AlreadyExistsError("deal", "d1")),
        (Commit(writes=(write_of("d9", 1, 0), write_of("d9", 1, 0))), AlreadyExistsError("deal", "d9")),
        (
            Commit(moves=(a_move("d1", 7), a_move("d1", 8), a_move("d1", 8))),
            AlreadyExistsError("move", "d1/8"),
        ),
        (Commit(moves=(a_move("d1", 6), a_move("d1", 5))), AlreadyExistsError("move", "d1/5")),
        (Commit(activities=(an_activity("t2"), an_activity("t1"))), AlreadyExistsError("activity", "t1")),
        (Commit(answers=(Answer(key="k0", request="", records=()), ANSWER)), KeyReusedError("k1")),
    ],
)
def test_what_is_taken_is_named(store: Store, commit: Commit, error: FunnelkitError) -> None:
    """The first id, number or key of a commit that is there already, or stands in it twice."""
    store.commit(Commit(moves=(a_move("d1", 5),), activities=(an_activity("t1"),), answers=(ANSWER,)))
    assert said(lambda: store.commit(commit)) == error


# What is kept


ALL = Commit(
    writes=new(a_deal("d2"), a_contact("c2")).writes,
    moves=(a_move("d2"),),
    activities=(an_activity("t2"),),
    attributes=(Attribute(record="d2", field="owner", value="sam", since=AT),),
    changes=(a_change("d2"),),
    answers=(ANSWER,),
    definitions={"0f": ("sales", "{}")},
    keys=(MatchKey(key="name:ann", kind="contact", record="c2"),),
)


@pytest.mark.parametrize(
    ("table", "count"),
    [
        ("deal", 2),
        ("contact", 1),
        ("lead", 0),
        ("company", 0),
        ("move", 1),
        ("activity", 1),
        ("attribute", 1),
        ("change", 1),
        ("idempotency", 1),
        ("definition", 1),
        ("match_key", 1),
    ],
)
def test_every_part_of_a_commit_can_be_queried(store: Store, table: str, count: int) -> None:
    """Once, however often one asks."""
    store.commit(ALL)
    for _ in range(2):
        assert store.query(f"SELECT COUNT(*) FROM {table}", {}) == [(count,)]


def test_no_value_is_no_currency_and_nothing(store: Store) -> None:
    """In records and in rows of the ledger."""
    store.commit(Commit(moves=(a_move("d1"),)))
    for table in ("deal", "move"):
        assert store.query(f"SELECT amount, currency FROM {table}", {}) == [(0, "")]


def test_a_closing_is_kept_field_by_field(store: Store) -> None:
    """None is taken for another."""
    at = AT + timedelta(hours=1)
    close = Close(outcome="lost", reason="r", reason_text="text", note="n", at=at, by="kim")
    store.commit(Commit(writes=(Write(a_deal(version=2, close=close), 1),)))
    assert store.get("deal", "d1").close == close
    columns = "outcome, close_reason, close_reason_text, close_note, closed_by"
    assert store.query(f"SELECT {columns} FROM deal", {}) == [("lost", "r", "text", "n", "kim")]


def test_every_part_of_a_commit_comes_back_from_json() -> None:
    """Equal, with the names of the columns for keys; a column that is not there is blank."""
    text = commit_to_json(ALL)
    assert commit_from_json(text) == ALL
    parts = json.loads(text)
    assert {part: len(items) for part, items in parts.items()} == {
        "writes": 2,
        "moves": 1,
        "activities": 1,
        "attributes": 1,
        "changes": 1,
        "answers": 1,
        "definitions": 1,
        "keys": 1,
    }
    assert parts["writes"][0]["kind"] == "deal"
    assert parts["writes"][0]["expected"] == 0
    assert parts["writes"][0]["record"]["id"] == "d2"
    assert (parts["moves"][0]["record_id"], parts["activities"][0]["id"]) == ("d2", "t2")
    assert parts["keys"] == [{"match_key": "name:ann", "kind": "contact", "record_id": "c2"}]
    del parts["writes"][0]["record"]["seal"]
    assert commit_from_json(json.dumps(parts)) == ALL


def test_a_commit_as_json_is_one_line_without_spaces() -> None:
    """Only the parts that there are, in ASCII."""
    commit = Commit(definitions={"0f": ("Продажи", "{}")})
    escaped = "\\u041f\\u0440\\u043e\\u0434\\u0430\\u0436\\u0438"
    text = f'{{"definitions":[{{"fingerprint":"0f","pipeline":"{escaped}","document":"{{}}"}}]}}'
    assert commit_to_json(commit) == text
    assert commit_from_json(text) == commit
    error = InputError("text", "'{' is not a commit", "give what commit_to_json wrote")
    assert said(lambda: commit_from_json("{")) == error


# One kind of store


def test_a_file_says_what_it_can() -> None:
    """It lasts, it is shared, and it can be written unless it is opened to be read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crm.db"
        with SQLiteStore(path) as store, SQLiteStore(path, read_only=True) as reader:
            assert store.capabilities == Capabilities(durable=True, shared=True)
            assert reader.capabilities == Capabilities(durable=True, shared=True, writable=False)
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader._connection().execute("DELETE FROM deal")  # noqa: SLF001


def test_a_busy_file_says_so_in_the_drivers_words(tmp_path: Path) -> None:
    """The file, the words and the code, and nothing else."""
    path = tmp_path / "crm.db"
    with SQLiteStore(path, timeout=0) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        error = said(lambda: store.commit(new(a_deal())))
    assert error == StoreBusyError(str(path), "database is locked (SQLITE_BUSY)")


def test_memory_has_a_url() -> None:
    """A store in memory, with nothing in it."""
    assert repr(open_store("memory:")) == "MemoryStore(empty)"


def test_a_store_in_memory_shows_how_many() -> None:
    """Of each kind that there is; one that holds nothing says so."""
    store = MemoryStore()
    assert repr(store) == "MemoryStore(empty)"
    store.commit(new(a_deal("d1"), a_deal("d2"), a_contact()))
    assert repr(store) == "MemoryStore(2 deal, 1 contact)"


def test_the_rows_of_a_commit_are_counted(tmp_path: Path) -> None:
    """Records, moves, changes and field values; by them the log is copied."""
    with SQLiteStore(tmp_path / "crm.db") as store:
        connection = store._connection()  # noqa: SLF001
        attribute = Attribute(record="d1", field="owner", value="sam", since=AT)
        commit = Commit(
            writes=(Write(a_deal(), 0),) * 1,
            moves=tuple(a_move("d1", number) for number in (1, 2)),
            changes=(a_change(),) * 4,
            attributes=(attribute,) * 8,
        )
        assert write(connection.cursor(), commit, Rollups()) == 15


def test_a_note_of_the_version_that_is_empty_is_none(tmp_path: Path) -> None:
    """A database with an empty ``funnelkit_schema`` has no tables of ours."""
    path = tmp_path / "crm.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE funnelkit_schema (version INTEGER)")
    assert said(lambda: SQLiteStore(path)) == NotAStoreError(str(path), "is a database of another program")


def damaged(path: Path, sql: str) -> SQLiteStore:
    """Return a store whose only deal was changed behind its back."""
    with SQLiteStore(path) as store:
        Engine(Pipeline("sales", [Stage("new")]), store=store).create("Acme", id="d1")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()
    return SQLiteStore(path)


def test_a_row_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    """The error names the file, and what is wrong with the row."""
    path = tmp_path / "crm.db"
    with damaged(path, "UPDATE deal SET custom = '{'") as store:
        error = said(lambda: store.get("deal", "d1"))
    assert isinstance(error, NotAStoreError)
    assert str(error).startswith(f"{path}: holds a row that cannot be read: Expecting property name")


def test_text_that_is_no_text_is_damage(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are not the fault of who asks for them."""
    with damaged(tmp_path / "crm.db", "UPDATE deal SET name = CAST(x'ff' AS TEXT)") as store:
        error = said(lambda: store.query("SELECT name FROM deal", {}))
    assert isinstance(error, NotAStoreError)


def test_a_broken_page_is_not_the_fault_of_a_query(tmp_path: Path) -> None:
    """Damage is called damage, whatever is asked."""
    path = tmp_path / "crm.db"
    with SQLiteStore(path) as store:
        store.commit(new(*(a_contact(f"c{number}", name="x" * 2_000) for number in range(100))))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 8 * 4096)
    with SQLiteStore(path) as store:
        error = said(lambda: store.query("SELECT SUM(LENGTH(name)) FROM contact", {}))
    assert error == NotAStoreError(str(path), "database disk image is malformed (SQLITE_CORRUPT)")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (
            "mysql://host",
            InputError(
                "store",
                "'mysql://host' names no known store",
                'write "sqlite:///crm.db", "postgresql://host/database" or "memory:"',
            ),
        ),
        (
            5,
            InputError(
                "store",
                "5 names no known store",
                'write "sqlite:///crm.db", "postgresql://host/database" or "memory:"',
            ),
        ),
        (
            "sqlite:///crm.db?mode=rw",
            InputError(
                "store",
                "'sqlite:///crm.db?mode=rw' has an unknown setting",
                "write ?mode=ro to read only; open a file with ? in its name by SQLiteStore(path)",
            ),
        ),
    ],
)
def test_no_such_store(url: Any, error: FunnelkitError) -> None:
    """A URL of nothing we know; a setting that is none."""
    assert said(lambda: open_store(url)) == error
