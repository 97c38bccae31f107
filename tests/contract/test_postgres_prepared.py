"""Statements that are prepared once for a connection, and the session that stays at hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.servers import Schemas

from funnelkit.errors import StoreClosedError
from funnelkit.storage.immediate import run
from funnelkit.storage.postgres import PostgresStore
from funnelkit.storage.postgres.texts import Statement
from funnelkit.testing.samples import a_deal, new


@pytest.fixture
def session(schemas: Schemas) -> Iterator[Any]:
    """Give a session on a connection of our own."""
    import psycopg

    from funnelkit.storage.postgres.sessions import BlockingSession, teach

    with psycopg.connect(schemas.url, autocommit=True) as connection:
        teach(connection.adapters)
        yield BlockingSession(connection, taught=True)


def prepared(session: Any) -> int:
    """Return how many statements the server holds for a session."""
    found = session.connection.execute(
        "SELECT COUNT(*) FROM pg_prepared_statements", prepare=False
    ).fetchone()
    return int(found[0])


def test_a_statement_is_prepared_once(session: Any) -> None:
    """The same statement with other values, NULL among them, is the same to the server."""
    statement = "SELECT %s::bigint, %s::text, %s::float8"
    for params in ((1, "a", 0.1), (2**62, None, None), (None, "it's", -1e300)):
        assert run(session.rows(Statement(statement, params))) == [params]
    assert prepared(session) == 1


def test_what_is_prepared_outlives_a_rollback(session: Any) -> None:
    """After a transaction was taken back the statement is still there, and nobody is told to forget it."""
    one = Statement("SELECT %s::bigint", (1,))
    for _ in range(8):
        run(session.rows(one))
        run(session.together([*session.begin, Statement("SELECT %s::bigint + 1", (1,))]))
        run(session.end())
    assert run(session.rows(one)) == [(1,)]


def test_what_somebody_made_the_server_forget_is_prepared_anew(session: Any) -> None:
    """After DEALLOCATE ALL the statement is prepared again: it had not been run."""
    one = Statement("SELECT %s::bigint", (1,))
    run(session.rows(one))
    session.connection.execute("DEALLOCATE ALL")
    assert run(session.rows(one)) == [(1,)]
    assert prepared(session) == 1


def test_no_more_are_prepared_than_the_server_should_hold(session: Any) -> None:
    """The hundred first statements are prepared; those after them work, too."""
    for number in range(120):
        assert run(session.rows(Statement(f"SELECT %s::bigint + {number}", (1,)))) == [(1 + number,)]
    assert prepared(session) == 100


def test_a_statement_that_fails_leaves_the_session_usable(session: Any) -> None:
    """An error of the server is raised as psycopg's own, at the first time and later; then all goes on."""
    import psycopg

    divided = "SELECT 1 / %s::bigint"
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            run(session.rows(Statement(divided, (0,))))
        with pytest.raises(psycopg.errors.UndefinedTable):
            run(session.rows(Statement("SELECT * FROM nothing WHERE id = %s", ("a",))))
    assert run(session.rows(Statement(divided, (1,)))) == [(1,)]


def test_one_connection_serves_many_threads(schemas: Schemas) -> None:
    """Who waits gets the one connection as soon as it is given back, however many wait for it."""
    with PostgresStore(schemas.url, schema=schemas.new(), connections=1, timeout=60) as store:
        store.commit(new(a_deal()))
        start = threading.Barrier(8)

        def read(_: int) -> set[str]:
            start.wait()
            return {store.get("deal", "d1").id for _ in range(50)}

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(read, range(8))) == [{"d1"}] * 8
        assert (store.health().open_connections, store.health().waiting) == (1, 0)


def test_a_closed_store_has_no_connection_left(schemas: Schemas) -> None:
    """Closing hangs up the session that was at hand, too."""
    schema = schemas.new()
    store = PostgresStore(f"{schemas.url}?application_name={schema}", schema=schema)
    store.commit(new(a_deal()))
    store.close()
    with pytest.raises(StoreClosedError):
        store.get("deal", "d1")
    asked = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = :name"
    with PostgresStore(schemas.url, schema=schema) as other:
        while other.query(asked, {"name": schema}) != [(0,)]:
            pass
