"""What can be given as a source, how parameters reach an engine, and what is said when one refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analytics.clickhouse_server import served
from tests.analytics.everything import ask_everything
from tests.analytics.histories import PIPELINES, Place, Record, feed, histories, hour
from tests.analytics.loading import to_chdb
from tests.analytics.test_engines import Both, eventful

from funnelkit import Engine, MemoryStore, Pipeline, Stage
from funnelkit.analytics import Analytics, Shape
from funnelkit.analytics.sources import source_of
from funnelkit.analytics.sources.asking import renamed
from funnelkit.analytics.sources.clickhouse import typed
from funnelkit.clock import FrozenClock
from funnelkit.errors import InputError, StoreError
from funnelkit.exporting import attach, export, load
from funnelkit.exporting.layout import TABLES

SALES = Pipeline("sales", [Stage("new", "Новая"), Stage("offer", probability=0.4)])


@contextmanager
def duckdb() -> Iterator[Any]:
    """Give a connection to DuckDB."""
    module = pytest.importorskip("duckdb", reason="the extra for DuckDB is not installed")
    with module.connect() as connection:
        yield connection


@contextmanager
def chdb() -> Iterator[Any]:
    """Give a connection to chdb."""
    module = pytest.importorskip("chdb", reason="the extra for chdb is not installed")
    connection = module.connect(":memory:")
    yield connection
    for table in TABLES:  # they are the process's own, and would outlive the connection
        connection.query(f"DROP TABLE IF EXISTS {table}")
    connection.close()


@contextmanager
def clickhouse() -> Iterator[Any]:
    """Give a client of clickhouse-connect."""
    connect = pytest.importorskip("clickhouse_connect", reason="the extra for ClickHouse is not installed")
    with chdb() as connection, served(connection) as port:
        client = connect.get_client(host="127.0.0.1", port=port, compress=False)
        yield client
        client.close()


ENGINES = [duckdb, chdb, clickhouse]
engines = pytest.mark.parametrize("opened", ENGINES, ids=lambda make: make.__name__)


@pytest.mark.parametrize("given_", [None, 5, "sqlite:///crm.db", MemoryStore, object()])
def test_anything_else_is_no_source(given_: Any) -> None:
    """The error says what is accepted."""
    with pytest.raises(InputError, match=r"source: .* answers no questions \(give a store, a DuckDB conn"):
        Analytics(given_)


def test_what_must_be_awaited_is_no_source() -> None:
    """A store for asyncio is told apart by its methods."""

    class Awaited:
        async def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:  # noqa: ARG002
            await asyncio.sleep(0)
            return []

    with pytest.raises(InputError, match="must be awaited"):
        source_of(Awaited())


def test_a_store_in_which_nothing_moved_has_no_pipelines() -> None:
    """Without shapes there is nothing to measure, and the error says so."""
    with pytest.raises(InputError, match="holds no pipeline"):
        Analytics(MemoryStore())


def test_the_definition_of_the_newest_move_is_in_force() -> None:
    """Labels, order and archived stages are those of the pipeline as it was last moved in."""
    store = MemoryStore()
    Engine(SALES, store=store).create("Acme")
    later = Pipeline("sales", [Stage("new", archived=True), Stage("demo", "Показ"), Stage("offer")])
    care = Pipeline("care", [Stage("in")])
    engine = Engine(later, care, store=store)
    engine.create("Bolt", pipeline="sales")
    engine.create("Cord", pipeline="care")
    metrics = Analytics(store)
    assert [(row.stage, row.label) for row in metrics.funnel("sales").rows] == [
        ("new", "new"),
        ("demo", "Показ"),
        ("offer", "offer"),
        ("won", "won"),
    ]
    assert metrics.funnel("care").rows[0].count == 1


@engines
def test_a_ledger_that_is_attached_or_loaded_gives_the_same_report(
    opened: Callable[[], Any], tmp_path: Path
) -> None:
    """The funnel over an export is that over the store, without being told of the pipelines."""
    engine = Engine(SALES)
    engine.advance(engine.create("Acme", custom={"size": 1}))
    engine.create("Bolt")
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    export(engine.store, tmp_path)
    mine = engine.analytics.funnel(custom={"size": 1}).rows
    with opened() as connection:
        for way in (load,) if opened is clickhouse else (attach, load, attach, load):
            found = Analytics(way(connection, tmp_path)).funnel(custom={"size": 1})
            assert found.rows == mine


def doomed() -> Record:
    """Return a record that comes back from void, and then becomes it again."""
    first, second, *_ = PIPELINES["sales"]
    path = (first, second, "void", second, first, "void")
    places = tuple(Place(5 * n, "sales", stage) for n, stage in enumerate(path))
    return Record("doomed", 0, "ann", ("EUR", 100), "web", "", {}, places)


@settings(max_examples=12, deadline=None)
@given(records=histories(most=8), cut=st.integers(0, 40))
def test_moves_of_void_records_lie_apart_in_a_loaded_duckdb(records: list[Record], cut: int) -> None:
    """Funnels, fates and the matrix that look for them there are those of the ledger, at any time."""
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    database = feed([*records, doomed()], PIPELINES)
    with TemporaryDirectory() as folder, duckdb() as connection:
        export(database, folder)  # type: ignore[arg-type]
        loaded: Any = load(connection, folder)
        assert loaded.void_move != "move"
        shapes = [
            Shape(pipeline=name, stages=tuple((stage, "") for stage in PIPELINES[name])) for name in PIPELINES
        ]
        mine, found = (Analytics(source, shapes, FrozenClock(hour(40))) for source in (database, loaded))
        for name, as_of in product(PIPELINES, (None, hour(cut))):
            for more in ({}, {"within": "9h"}, {"by": "owner"}):
                want = mine.funnel(name, as_of=as_of, **more).to_dicts()
                assert found.funnel(name, as_of=as_of, **more).to_dicts() == want
            want = mine.transitions(name, as_of=as_of).to_dicts()
            assert found.transitions(name, as_of=as_of).to_dicts() == want


def test_moves_that_came_later_are_looked_for_among_all(tmp_path: Path) -> None:
    """A table that is no longer of the moves that are there is not asked."""
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    engine = Engine(SALES)
    engine.create("Acme")
    export(engine.store, tmp_path)
    with duckdb() as connection:
        source: Any = load(connection, tmp_path)
        assert source.void_move == "funnelkit_void_move"
        connection.execute("INSERT INTO move SELECT * FROM move")
        assert source.void_move == "move"


@engines
def test_a_copy_that_fails_leaves_the_one_before(opened: Callable[[], Any], tmp_path: Path) -> None:
    """All tables are replaced, or none: a broken file of the last one changes no report."""
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    engine, later = Engine(SALES), Engine(SALES)
    engine.create("Acme")
    for name in ("Bolt", "Cord"):
        later.create(name)
    export(engine.store, tmp_path / "old")
    export(later.store, tmp_path / "new")
    for file in (tmp_path / "new" / [*TABLES][-1]).rglob("*.parquet"):
        file.write_bytes(b"no parquet")
    with opened() as connection:
        source = load(connection, tmp_path / "old")
        with pytest.raises(StoreError):
            load(connection, tmp_path / "new")
        assert Analytics(source).funnel().rows == engine.analytics.funnel().rows
        tables = {
            "duckdb": "SELECT table_name FROM duckdb_tables()",
            "others": "SELECT name FROM system.tables",
        }
        found = source.query(tables["duckdb" if opened is duckdb else "others"], {})
        assert {name for (name,) in found if "funnelkit" in name} <= {"funnelkit_void_move"}


def test_a_load_that_is_broken_off_leaves_the_copy_before(tmp_path: Path) -> None:
    """In DuckDB all is replaced in one transaction: whoever is interrupted midway has changed nothing."""
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    engine = Engine(SALES)
    engine.create("Acme")
    export(engine.store, tmp_path)

    class Broken:
        """A connection that is interrupted at the table of deals."""

        __module__ = "duckdb"

        def __init__(self, connection: Any) -> None:
            self.connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self.connection, name)

        def execute(self, sql: str, *more: Any) -> Any:
            if "TABLE deal" in sql:
                raise KeyboardInterrupt
            return self.connection.execute(sql, *more)

    with duckdb() as connection:
        with pytest.raises(KeyboardInterrupt):
            load(Broken(connection), tmp_path)
        assert connection.execute("SELECT COUNT(*) FROM duckdb_tables()").fetchall() == [(0,)]
        load(connection, tmp_path)
        engine.create("Bolt")
        export(engine.store, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            load(Broken(connection), tmp_path)
        assert Analytics(connection).funnel().rows[0].count == 1


def test_a_load_joins_the_transaction_of_the_host(tmp_path: Path) -> None:
    """Rolled back, there is nothing; committed, it is there."""
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    engine = Engine(SALES)
    engine.create("Acme")
    export(engine.store, tmp_path)
    with duckdb() as connection:
        for end, tables in ((connection.rollback, 0), (connection.commit, len(TABLES) + 1)):
            connection.begin()
            load(connection, tmp_path)
            end()
            assert connection.execute("SELECT COUNT(*) FROM duckdb_tables()").fetchall() == [(tables,)]


@engines
def test_a_table_of_somebody_else_is_left_alone(opened: Callable[[], Any], tmp_path: Path) -> None:
    """A table with columns of its own is never replaced by a copy of an export."""
    engine = Engine(SALES)
    engine.create("Acme")
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    export(engine.store, tmp_path)
    with opened() as connection:
        make = getattr(connection, "command", connection.query)
        engine_of = "" if opened is duckdb else " ENGINE = Memory"
        make(f"CREATE TABLE deal (mine INTEGER){engine_of}")
        with pytest.raises(InputError, match="has a table deal of its own"):
            load(connection, tmp_path)
        assert source_of(connection).query("SELECT COUNT(*) AS n FROM deal", {}) == [(0,)]


def test_a_server_cannot_see_files(tmp_path: Path) -> None:
    """Files of this machine are sent to a server, not attached."""
    pytest.importorskip("pyarrow", reason="exports need pyarrow")
    export(MemoryStore(), tmp_path)
    with clickhouse() as client, pytest.raises(InputError, match=r"use load\(client, path\)"):
        attach(client, tmp_path)


@pytest.mark.parametrize("way", [attach, load])
def test_a_folder_without_an_export_is_named(way: Any, tmp_path: Path) -> None:
    """And so is what takes no tables."""
    with duckdb() as connection, pytest.raises(InputError, match="holds no export"):
        way(connection, tmp_path)
    for no_engine in (MemoryStore(), None):
        with pytest.raises(InputError, match=r"engine: .* takes no tables"):
            way(no_engine, tmp_path)


@engines
def test_what_an_engine_refuses_is_explained(opened: Callable[[], Any]) -> None:
    """The error names the engine and what is missing; that of the driver is its cause."""
    with opened() as connection:
        source = source_of(connection)
        with pytest.raises(StoreError, match="cannot answer: ") as caught:
            Analytics(source)
        assert "attach" in str(caught.value)
        assert caught.value.__cause__ is not None
        with pytest.raises(StoreError):
            source.query("SELECT nonsense", {})


NASTY = [
    "",
    "it's",
    "a\\b",
    "tab\there",
    "new\nline",
    "\\N",
    "\\t",
    'quo"te',
    "c\r",
    "Имя 🐟",
    "{x:Int64}",
    ":as_of",
]
NASTY += ["$1", "%(a)s", "?", "\\", "''", "--", "null", "NULL", " x "]


@engines
def test_text_arrives_as_it_is(opened: Callable[[], Any]) -> None:
    """What a user says is a parameter: no letter of it is read as anything else."""
    with opened() as connection:
        source = source_of(connection)
        for text in NASTY:
            assert source.query("SELECT :text AS said", {"text": text}) == [(text,)]


@engines
def test_whole_numbers_arrive_as_they_are(opened: Callable[[], Any]) -> None:
    """Sixty-four bits, of either sign, there and back."""
    with opened() as connection:
        source = source_of(connection)
        for number in (0, -1, 255, 2**31, 2**53 + 1, 2**62, -(2**62)):
            assert source.query("SELECT :number AS n, 0 + :number AS m", {"number": number}) == [
                (number, number)
            ]


def test_every_text_reaches_a_server_of_clickhouse() -> None:
    """Through clickhouse-connect and a socket, a share of all texts gives the rows that SQLite gives."""
    pytest.importorskip("clickhouse_connect")
    database = feed(eventful(), PIPELINES)
    with chdb() as connection, served(connection) as port:
        to_chdb(connection, database)
        import clickhouse_connect

        client = clickhouse_connect.get_client(host="127.0.0.1", port=port, compress=False)
        both = Both(database, source_of(client), shares=16)
        ask_everything(both, PIPELINES["sales"])
        client.close()
    assert both.asked > 10


@given(st.text(alphabet=":a'\"-\n x$", max_size=30))
def test_only_parameters_are_renamed(text: str) -> None:
    """Whatever stands inside of quotes is text and stays."""
    quoted = "'" + text.replace("'", "''") + "'"
    assert renamed(f"SELECT {quoted}, :a AS b", "${}".format) == f"SELECT {quoted}, $a AS b"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 AS n", "SELECT 1::Int64 AS n"),
        ("SELECT a1, c_2.b FROM c_2", "SELECT a1, c_2.b FROM c_2"),
        ("SELECT -1, 2.5, '3 4'", "SELECT -1::Int64, 2.5, '3 4'"),
        (
            "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
            "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
        ),
        ("WHERE a = :a AND b <= :b", "WHERE a = {a:String} AND b <= {b:Int64}"),
        ("LAG(a, 1, 0), LAG(b, 1,\n '')", "LAG(a, 1::Int64, 0::Int64), LAG(toString(b), 1::Int64, '')"),
    ],
)
def test_numbers_have_a_width_in_clickhouse(sql: str, said: str) -> None:
    """Whole numbers and parameters carry a type; names, text and frames stay."""
    assert typed(sql, {"a": "x", "b": 1}) == said


def test_a_parameter_of_another_type_is_refused() -> None:
    """Only numbers and text travel."""
    with pytest.raises(InputError, match="b: None is neither a number nor text"):
        typed("SELECT :b", {"b": None})
