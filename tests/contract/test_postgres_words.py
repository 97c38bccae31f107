"""What PostgreSQL stores are told and what they say, without a server: settings, and errors as ours."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit.errors import (
    FunnelkitError,
    InputError,
    MissingExtraError,
    NotAStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from funnelkit.storage.postgres import settings as settings_module
from funnelkit.storage.postgres.settings import joined_schema, settings_of, split_schema
from funnelkit.storage.postgres.texts import Statement

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'funnelkit[postgres]'")
pytest.importorskip("psycopg_pool", reason="psycopg_pool is not installed")

from funnelkit.storage.postgres import failing  # noqa: E402 (only where the driver is)

URL = "postgresql://kim:secret@db.example:5433/crm?sslmode=require"
USUAL: dict[str, Any] = {
    "url": URL, "schema": "sales", "durability": "full", "timeout": 7.5, "connections": 3
}  # fmt: skip


def said(arguments: dict[str, Any]) -> FunnelkitError:
    """Return what is said to arguments that cannot be."""
    with pytest.raises(FunnelkitError) as caught:
        settings_of(**USUAL | arguments)
    return caught.value


# Settings


def test_settings_are_what_was_asked_for() -> None:
    """The name shows no password; what the URL says is said to the driver; each session is told the rest."""
    settings = settings_of(**USUAL)
    assert settings.name == "postgresql://db.example:5433/crm"
    assert (settings.schema, settings.durability, settings.timeout) == ("sales", "full", 7.5)
    assert settings.connections == 3
    assert settings.all_in_use == "all 3 connections were in use for 7.5 s"
    assert settings.connection == {
        "user": "kim",
        "password": "secret",
        "host": "db.example",
        "port": "5433",
        "dbname": "crm",
        "sslmode": "require",
        "connect_timeout": 7,
        "application_name": "funnelkit",
        "client_encoding": "UTF8",
        "autocommit": True,
    }
    assert settings.session == Statement(
        "SELECT set_config('search_path', %s, false), set_config('synchronous_commit', %s, false), "
        "set_config('lock_timeout', %s, false), set_config('extra_float_digits', '1', false), "
        "set_config('default_transaction_isolation', 'read committed', false)",
        ('"sales"', "on", "7500ms"),
    )


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        ({"durability": "fast"}, ('"sales"', "off", "7500ms")),
        ({"timeout": 1}, ('"sales"', "on", "1000ms")),
        ({"timeout": 86_400}, ('"sales"', "on", "86400000ms")),
        ({"schema": "S_1"}, ('"S_1"', "on", "7500ms")),
        ({"schema": "s" * 63}, (f'"{"s" * 63}"', "on", "7500ms")),
    ],
)
def test_a_session_is_told_its_settings(arguments: dict[str, Any], params: tuple[str, ...]) -> None:
    """Where the tables are, whether a commit waits for the disk, how long to wait for a lock."""
    assert settings_of(**USUAL | arguments).session.params == params


@pytest.mark.parametrize(("timeout", "seconds"), [(0.5, 2), (2, 2), (5.9, 5), (10, 10), (11, 10)])
def test_connecting_waits_between_two_and_ten_seconds(timeout: float, seconds: int) -> None:
    """As long as the store waits, in whole seconds; the URL may say otherwise."""
    assert settings_of(**USUAL | {"timeout": timeout}).connection["connect_timeout"] == seconds
    own = settings_of(**USUAL | {"url": "postgresql:///crm?connect_timeout=30&application_name=shop"})
    assert own.connection["connect_timeout"] == "30"
    assert own.connection["application_name"] == "shop"


NO_URL = InputError("url", "is no PostgreSQL URL", 'write "postgresql://user@host/database"')
MEND = "use letters, digits and _, at most 63"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"url": "mysql://host"}, NO_URL),
        ({"url": 5}, NO_URL),
        ({"durability": "none"}, InputError("durability", "'none' is unknown", 'write "full" or "fast"')),
        ({"timeout": 0}, InputError("timeout", "0 is no number of seconds")),
        ({"timeout": True}, InputError("timeout", "True is no number of seconds")),
        ({"timeout": "5"}, InputError("timeout", "'5' is no number of seconds")),
        ({"timeout": 86_401}, InputError("timeout", "86401 is no number of seconds")),
        ({"connections": 0}, InputError("connections", "0 is not a whole number from 1 on")),
        ({"connections": True}, InputError("connections", "True is not a whole number from 1 on")),
        ({"schema": "a b"}, InputError("schema", "'a b' is no plain name", MEND)),
        ({"schema": ""}, InputError("schema", "'' is no plain name", MEND)),
        ({"schema": 5}, InputError("schema", "5 is no plain name", MEND)),
        ({"schema": "PG_x"}, InputError("schema", "'PG_x' is no plain name", MEND)),
        ({"schema": "s" * 64}, InputError("schema", f"{'s' * 64!r:.59}…", MEND)),
    ],
)
def test_what_cannot_be_a_setting(arguments: dict[str, Any], error: InputError) -> None:
    """Argument, problem and mend."""
    found = said(arguments)
    assert isinstance(found, InputError)
    assert (found.argument, found.fix) == (error.argument, error.fix)
    assert found.problem.startswith(error.problem)


def test_a_url_that_cannot_be_read_is_told_without_itself() -> None:
    """In the driver's words; a password may be in it."""
    error = said({"url": "postgresql://kim:secret@host/db?nonsense=1"})
    assert str(error) == 'url: cannot be read: invalid URI query parameter: "nonsense"'


@pytest.mark.parametrize(
    ("url", "bare", "schema"),
    [
        ("postgresql://h/d", "postgresql://h/d", "public"),
        ("postgresql://h/d?schema=crm", "postgresql://h/d", "crm"),
        ("postgresql://h/d?a=1&schema=c%20m&b=2", "postgresql://h/d?a=1&b=2", "c m"),
        ("postgresql://h/d?schema=one&&schema=two", "postgresql://h/d", "two"),
        ("postgresql://h/d?xschema=1", "postgresql://h/d?xschema=1", "public"),
        ("postgresql://h/d?a=b?c", "postgresql://h/d?a=b?c", "public"),
    ],
)
def test_the_schema_is_taken_out_of_a_url(url: str, bare: str, schema: str) -> None:
    """The last one that is said; the rest stays as it is."""
    assert split_schema(url) == (bare, schema)


@pytest.mark.parametrize(
    "url", ["postgresql://kim:p@ss@host/db", "postgresql://host/db", "postgres://k@host/db"]
)
def test_a_password_with_a_sign_of_its_own_is_not_shown(url: str) -> None:
    """The host begins behind the last @."""
    assert settings_of(**USUAL | {"url": url}).name == "postgresql://host/db"


@pytest.mark.parametrize("absent", ["psycopg", "psycopg_pool"])
def test_an_absent_driver_is_named(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    there = settings_module.find_spec
    monkeypatch.setattr(settings_module, "find_spec", lambda name: None if name == absent else there(name))
    assert said({}) == MissingExtraError("PostgresStore", "postgres")
    if absent == "psycopg":
        with pytest.raises(MissingExtraError) as caught:
            joined_schema(5, "public", "Connection")
        assert caught.value == MissingExtraError("PostgresStore", "postgres")


def test_one_connection_is_enough() -> None:
    """For a store, as for a host of one thread."""
    assert settings_of(**USUAL | {"connections": 1}).connections == 1


def test_what_cannot_be_joined() -> None:
    """Something else than the driver's connection, in a schema that has no name."""
    with pytest.raises(InputError) as caught:
        joined_schema(5, "public", "Connection")
    assert caught.value == InputError("connection", "5 is not a psycopg.Connection")
    with pytest.raises(InputError) as caught:
        joined_schema(5, "", "Connection")
    assert caught.value == InputError("schema", "'' is no plain name", MEND)


# Errors


def driver(state: str | None, words: str = "so it is\nDETAIL: more") -> Any:
    """Return an error of the driver with a SQLSTATE."""
    kind = type("Told", (psycopg.DatabaseError,), {"sqlstate": state})
    return kind(words)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("55P03", StoreBusyError),
        ("57014", StoreBusyError),
        ("40001", StoreBusyError),
        ("40P01", StoreBusyError),
        ("53300", StoreBusyError),
        ("53100", StoreFullError),
        ("25006", StoreReadOnlyError),
        ("42501", StoreReadOnlyError),
        ("42P01", NotAStoreError),
        ("42703", NotAStoreError),
        ("08006", StoreUnavailableError),
        ("57P01", StoreUnavailableError),
        ("58030", StoreUnavailableError),
        ("XX000", StoreUnavailableError),
        ("3D000", StoreUnavailableError),
        ("28P01", StoreUnavailableError),
    ],
)
def test_the_drivers_errors_are_ours(state: str, error: Any) -> None:
    """By their SQLSTATE, with the first line of their words."""
    assert failing.ours("crm", driver(state)) == error("crm", f"so it is ({state})")


def test_an_unknown_error_is_a_store_error() -> None:
    """With the store, the words and the SQLSTATE; without a state only the words, without words the type."""
    assert failing.ours("crm", driver("0Z002")) == StoreError("crm: so it is (0Z002)")
    assert failing.ours("crm", driver(None)) == StoreError("crm: so it is")
    assert failing.ours("crm", driver(None, " ")) == StoreError("crm: Told")
    lost = psycopg.OperationalError("gone")
    assert failing.ours("crm", lost) == StoreUnavailableError("crm", "gone")


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (ValueError("x"), False),
        (driver("08000"), True),
        (driver("57P01"), True),
        (driver("57P02"), True),
        (driver("57P03"), True),
        (driver("57P05"), True),
        (driver("25P03"), True),
        (driver("40003"), True),
        (driver("57014"), False),
        (driver("40001"), False),
        (driver(None), False),
        (psycopg.OperationalError("x"), True),
        (psycopg.InterfaceError("x"), True),
        (psycopg.ProgrammingError("x"), False),
    ],
)
def test_what_means_that_the_connection_is_lost(error: Exception, lost: bool) -> None:
    """Its SQLSTATE if it has one, else what the driver takes for a failure of the connection."""
    assert failing.is_lost(error) is lost


@pytest.mark.parametrize(
    ("state", "transient", "taken"),
    [("40001", True, False), ("40P01", True, False), ("23505", False, True), ("40003", False, False)],
)
def test_what_may_be_done_again(state: str, transient: bool, taken: bool) -> None:
    """Serialization failures and deadlocks; a key that is taken is none."""
    assert (failing.is_transient(driver(state)), failing.is_taken(driver(state))) == (transient, taken)
    assert (failing.is_transient(ValueError()), failing.is_taken(ValueError())) == (False, False)


@pytest.mark.parametrize(
    ("error", "callers", "unfit"),
    [
        (driver("42601"), True, False),
        (driver("22003"), True, True),
        (driver("25001"), True, False),
        (driver("08006"), False, False),
        (psycopg.ProgrammingError("x"), True, False),
        (psycopg.DataError("x"), True, True),
        (psycopg.NotSupportedError("x"), True, False),
        (psycopg.OperationalError("x"), False, False),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "no"), True, True),
        (OverflowError("x"), True, True),
        (ValueError("x"), False, False),
    ],
)
def test_whose_fault_it_is(error: Exception, callers: bool, unfit: bool) -> None:
    """That of the SQL that was asked; that of a value which the server cannot hold."""
    assert (failing.of_query(error), failing.unfit(error)) == (callers, unfit)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (NotAStoreError("crm", "x"), NotAStoreError("crm", "x")),
        (driver("22003", "y" * 300), InputError("commit", "y" * 200)),
        (OverflowError("too large"), InputError("commit", "too large")),
        (driver("40001", "x"), StoreBusyError("crm", "x (40001)")),
    ],
)
def test_failing_raises_ours(error: Exception, ours: FunnelkitError) -> None:
    """Our own as they are, the others translated, with the driver's as the cause."""
    with pytest.raises(FunnelkitError) as caught:
        failing.fail("crm", error)
    assert caught.value == ours
    assert caught.value is error or caught.value.__cause__ is error


def test_failing_leaves_what_is_nobodys() -> None:
    """An error of the program itself comes out as it is."""
    error = KeyError("x")
    with pytest.raises(KeyError) as caught:
        failing.fail("crm", error)
    assert caught.value is error
