"""How a PostgreSQL store is to be opened, checked before anything is sent. Needs no driver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import attrs

from funnelkit.errors import InputError, MissingExtraError, shown
from funnelkit.storage.postgres.texts import Statement

__all__ = ["SCHEMA", "Durability", "Settings", "joined_schema", "settings_of", "split_schema"]

Durability = Literal["full", "fast"]
SCHEMA = "public"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_URL = re.compile(r"postgres(?:ql)?://")


@attrs.frozen(kw_only=True)
class Settings:
    """Everything about the connections of one store.

    Attributes:
        name: The store in messages: where it is, without the password.
        schema: The schema its tables are in.
        timeout: Seconds to wait for a connection or a lock.
        connections: How many connections there may be at once.
        connection: Arguments of ``psycopg.connect``.
        session: What each new connection is told first.
    """

    name: str
    schema: str
    durability: Durability
    timeout: float
    connections: int
    connection: Mapping[str, Any]
    session: Statement

    @property
    def all_in_use(self) -> str:
        """What to say when there is no connection left."""
        return f"all {self.connections} connections were in use for {self.timeout:g} s"


def checked_schema(schema: str) -> str:
    """Return the name of a schema that needs no quoting tricks. Raises InputError."""
    if not isinstance(schema, str) or not _NAME.fullmatch(schema) or schema.lower().startswith("pg_"):
        raise InputError(
            "schema", f"{shown(schema)} is no plain name", "use letters, digits and _, at most 63"
        )
    return schema


def settings_of(url: str, schema: str, durability: Durability, timeout: float, connections: int) -> Settings:
    """Check the arguments of a store.

    Raises:
        InputError: One of them is not acceptable.
        MissingExtraError: psycopg is not installed.
    """
    if not isinstance(url, str) or not _URL.match(url):
        raise InputError("url", "is no PostgreSQL URL", 'write "postgresql://user@host/database"')
    if durability not in {"full", "fast"}:
        raise InputError("durability", f"{durability!r} is unknown", 'write "full" or "fast"')
    if type(timeout) not in {int, float} or not 0 < timeout <= _LONGEST:
        raise InputError("timeout", f"{shown(timeout)} is no number of seconds")
    if type(connections) is not int or connections < 1:
        raise InputError("connections", f"{shown(connections)} is not a whole number from 1 on")
    url, named = split_schema(url)
    if named not in {SCHEMA, schema}:
        if schema != SCHEMA:
            raise InputError("schema", f"is {shown(schema)}, and {shown(named)} in the URL", "say it once")
        schema = named
    checked_schema(schema)
    if find_spec("psycopg") is None or find_spec("psycopg_pool") is None:
        raise MissingExtraError("PostgresStore", "postgres")
    return Settings(
        name=_shown_url(url),
        schema=schema,
        durability=durability,
        timeout=float(timeout),
        connections=connections,
        connection=_arguments(url, timeout),
        session=Statement(
            "SELECT set_config('search_path', %s, false), set_config('synchronous_commit', %s, false), "
            "set_config('lock_timeout', %s, false), set_config('extra_float_digits', '1', false), "
            "set_config('default_transaction_isolation', 'read committed', false)",
            (f'"{schema}"', "on" if durability == "full" else "off", f"{int(timeout * 1000)}ms"),
        ),
    )


_LONGEST = 86_400


def joined_schema(connection: Any, schema: str, wanted: str) -> str:
    """Check the arguments of a store on a connection of the host's; return its name for messages."""
    checked_schema(schema)
    if find_spec("psycopg") is None:
        raise MissingExtraError("PostgresStore", "postgres")
    import psycopg

    if not isinstance(connection, getattr(psycopg, wanted)):
        raise InputError("connection", f"{shown(connection)} is not a psycopg.{wanted}")
    return (
        "the connection"
        if connection.closed
        else f"postgresql://{connection.info.host}/{connection.info.dbname}"
    )


def split_schema(url: str) -> tuple[str, str]:
    """Take ``schema=`` out of the query of a URL; the rest stays as libpq reads it."""
    base, _, query = url.partition("?")
    said = [part for part in query.split("&") if part]
    schemas = [unquote(part.removeprefix("schema=")) for part in said if part.startswith("schema=")]
    rest = "&".join(part for part in said if not part.startswith("schema="))
    return (f"{base}?{rest}" if rest else base), (schemas[-1] if schemas else SCHEMA)


def _arguments(url: str, timeout: float) -> dict[str, Any]:
    from psycopg import ProgrammingError, conninfo

    try:
        said = conninfo.conninfo_to_dict(url)
    except (ProgrammingError, UnicodeError) as error:
        raise InputError("url", f"cannot be read: {str(error).strip()}") from None
    return {
        "connect_timeout": max(2, min(10, int(timeout))),
        "application_name": "funnelkit",
        **said,
        "client_encoding": "UTF8",  # whatever the database and the environment speak: COPY sends it
        "autocommit": True,
    }


def _shown_url(url: str) -> str:
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"
