"""Making the tables in PostgreSQL: without advisory locks, when another makes them, from older ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.servers import Schemas

from funnelkit.errors import FunnelkitError, NotAStoreError
from funnelkit.storage.immediate import run
from funnelkit.storage.postgres.opening import make_ready, version_of, versions
from funnelkit.storage.postgres.settings import Settings, settings_of
from funnelkit.storage.postgres.texts import Statement

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'funnelkit[postgres]'")
from funnelkit.storage.postgres.sessions import BlockingSession  # noqa: E402


def told(call: Callable[[], object]) -> FunnelkitError:
    """Return the error of a call."""
    with pytest.raises(FunnelkitError) as caught:
        call()
    return caught.value


class Elsewhere(BlockingSession):
    """A session with a server that answers one kind of statement with an error, so many times."""

    def __init__(self, connection: Any, word: str, state: str, times: int = 1_000) -> None:
        super().__init__(connection, taught=False)
        self.word, self.state, self.times, self.asked = word, state, times, 0

    async def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Let the server raise the error in place of what was asked."""
        if self.word in statement.sql and self.asked < self.times:
            self.asked += 1
            statement = Statement(f"DO $$ BEGIN RAISE SQLSTATE '{self.state}'; END $$", None)
        return await super().rows(statement)


@pytest.fixture
def settings(schemas: Schemas, schema: str, sql: Any) -> Settings:
    """Return the settings of a store in a new schema; the connection has been told."""
    made = settings_of(schemas.url, schema, "full", 5, 1)
    sql.execute(made.session.sql, made.session.params)
    return made


@pytest.mark.parametrize("state", ["0A000", "42883"])
def test_a_server_may_lack_advisory_locks(settings: Settings, sql: Any, state: str) -> None:
    """There the tables are made without them, and migrated under a lock on the row of the version."""
    session = Elsewhere(sql, "advisory", state)
    run(make_ready(session, settings))
    assert run(version_of(session, "s", settings.schema, 99)) == len(versions())
    run(make_ready(session, settings, [*versions(), "CREATE TABLE extra (held text)"]))
    assert run(version_of(session, "s", settings.schema, 99)) == len(versions()) + 1
    assert session.asked == 2
    assert sql.execute("SELECT COUNT(*) FROM extra").fetchone() == (0,)


def test_other_errors_of_the_lock_are_errors(settings: Settings, sql: Any) -> None:
    """A lock that is not given in time ends the opening, and leaves nothing behind."""
    with pytest.raises(psycopg.Error) as caught:
        run(make_ready(Elsewhere(sql, "advisory", "55P03"), settings))
    assert caught.value.sqlstate == "55P03"
    assert run(version_of(BlockingSession(sql, taught=False), "s", settings.schema, 99)) == 0


@pytest.mark.parametrize("state", ["42P07", "42P06", "23505", "40001", "40P01", "XX000"])
def test_who_meets_another_on_the_way_tries_again(settings: Settings, sql: Any, state: str) -> None:
    """Four times in vain are no error, the fifth is."""
    with pytest.raises(psycopg.Error) as caught:
        run(make_ready(Elsewhere(sql, "CREATE SCHEMA", state, times=5), settings))
    assert caught.value.sqlstate == state
    met = Elsewhere(sql, "CREATE SCHEMA", state, times=4)
    run(make_ready(met, settings))
    assert met.asked == 4
    assert run(version_of(met, "s", settings.schema, 99)) == len(versions())


def test_what_is_no_meeting_is_tried_once(settings: Settings, sql: Any) -> None:
    """An error of another kind comes out at once."""
    session = Elsewhere(sql, "CREATE SCHEMA", "42501")
    with pytest.raises(psycopg.Error):
        run(make_ready(session, settings))
    assert session.asked == 1


def test_an_empty_place_gets_the_newest_tables_alone(settings: Settings, sql: Any) -> None:
    """The first script makes the newest tables; those that lead there from older ones are left out."""
    session = BlockingSession(sql, taught=False)
    run(make_ready(session, settings, [versions()[0], *(f"CREATE TABLE t{n} (n INT)" for n in range(9))]))
    tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = %s AND tablename ~ '^t[0-9]$'"
    assert sql.execute(tables, (settings.schema,)).fetchone() == (0,)
    assert run(version_of(session, "s", settings.schema, 99)) == 10


def test_what_is_no_store_is_named(settings: Settings, sql: Any) -> None:
    """A version that is absent, one that is newer, and the feed of somebody else: each names the schema."""
    session, schema = BlockingSession(sql, taught=False), settings.schema
    run(make_ready(session, settings))
    sql.execute("UPDATE funnelkit_schema SET version = 77")
    assert str(told(lambda: run(version_of(session, "s", schema, 76)))).startswith(f"s, schema {schema}")
    assert str(told(lambda: run(make_ready(session, settings)))).startswith(
        f"{settings.name}, schema {schema}"
    )
    sql.execute("DELETE FROM funnelkit_schema")
    error = told(lambda: run(version_of(session, "s", schema, 99)))
    assert (type(error), str(error)) == (NotAStoreError, f"s: schema {schema} has no version")
    sql.execute("DROP TABLE funnelkit_schema")
    error = told(lambda: run(version_of(session, "s", schema, 99)))
    assert str(error) == f"s: schema {schema} has a table activity of another program"
    sql.execute(f'DROP SCHEMA "{schema}" CASCADE')
    sql.execute(f'CREATE SCHEMA "{schema}"')
    sql.execute("CREATE TABLE feed (mine INT)")
    error = told(lambda: run(version_of(session, "s", schema, 99)))
    assert str(error) == f"s: schema {schema} has a table feed of another program"
