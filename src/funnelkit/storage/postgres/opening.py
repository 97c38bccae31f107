"""Making the tables, and bringing older ones to the newest schema: forward only, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

from funnelkit.errors import NotAStoreError, SchemaVersionError
from funnelkit.storage.columns import COLUMNS
from funnelkit.storage.postgres.ports import Session
from funnelkit.storage.postgres.settings import Settings
from funnelkit.storage.postgres.texts import BEGIN, COMMIT, Statement

__all__ = ["make_ready", "version_of", "versions"]

_VERSION = 3
_TRIES = 5
_MET = ("42P07", "42P06", "23505", "40001", "40P01", "XX000")
"""What it looks like when another process made the same tables at the same moment."""
_NO_ADVISORY_LOCKS = ("0A000", "42883")


@cache
def versions() -> tuple[str, ...]:
    """Return as many scripts as there are versions.

    The first makes the newest schema in an empty place; number N leads from version N - 1 to N.
    """
    folder = files("funnelkit.storage.postgres")
    steps = (folder.joinpath("migrations", f"{number}.sql") for number in range(2, _VERSION + 1))
    return tuple(step.read_text("utf-8") for step in (folder.joinpath("schema.sql"), *steps))


async def make_ready(session: Session, settings: Settings, scripts: Sequence[str] | None = None) -> None:
    """Make sure that the tables are there, in the newest schema.

    Raises:
        NotAStoreError: Tables of these names are there, made by somebody else.
        SchemaVersionError: The tables were made by a newer funnelkit.
    """
    steps = versions() if scripts is None else scripts
    for tries in range(1, _TRIES + 1):
        if await version_of(session, settings.name, settings.schema, len(steps)) == len(steps):
            return
        try:
            await _migrate(session, settings, steps)
        except BaseException as error:
            await session.end()
            if getattr(error, "sqlstate", None) not in _MET or tries == _TRIES:
                raise


async def version_of(session: Session, store: str, schema: str, newest: int) -> int:
    """Return the version of the schema that is there, 0 for none."""
    sql = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = %s"
    tables = {name for (name,) in await session.rows(Statement(sql, (schema,)))}
    if "funnelkit_schema" not in tables:
        if foreign := tables & {*COLUMNS, "feed"}:
            problem = f"schema {schema} has a table {min(foreign)} of another program"
            raise NotAStoreError(store, problem)
        return 0
    found = await session.rows(Statement(f'SELECT version FROM "{schema}".funnelkit_schema'))
    if len(found) != 1:
        raise NotAStoreError(store, f"schema {schema} has no version")
    version = int(found[0][0])
    if version > newest:
        raise SchemaVersionError(f"{store}, schema {schema}", version, newest)
    return version


async def _migrate(session: Session, settings: Settings, steps: Sequence[str]) -> None:
    await session.rows(BEGIN)
    await _lock(session, settings)
    version = await version_of(
        session, settings.name, settings.schema, len(steps)
    )  # somebody may have been before us in the queue
    if version == 0:
        there = Statement("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", (settings.schema,))
        if not await session.rows(there):
            await session.rows(Statement(f'CREATE SCHEMA "{settings.schema}"'))
    for script in steps[version:] if version else steps[:1]:
        await session.rows(Statement(script, None))
    if version < len(steps):
        await session.rows(Statement("UPDATE funnelkit_schema SET version = %s", (len(steps),)))
    await session.rows(COMMIT)


async def _lock(session: Session, settings: Settings) -> None:
    """Let one process at a time migrate a schema.

    Servers without advisory locks say so; there the row of the version is locked, and two processes
    that make the tables at once meet at the name of the first one.
    """
    number = int.from_bytes(sha256(f"funnelkit/{settings.schema}".encode()).digest()[:8], "big", signed=True)
    await session.rows(Statement("SAVEPOINT lock"))
    try:
        await session.rows(Statement("SELECT pg_advisory_xact_lock(%s)", (number,)))
    except Exception as error:
        if getattr(error, "sqlstate", None) not in _NO_ADVISORY_LOCKS:
            raise
        await session.rows(Statement("ROLLBACK TO SAVEPOINT lock"))
        if await version_of(session, settings.name, settings.schema, 2**31):
            await session.rows(Statement("SELECT version FROM funnelkit_schema FOR UPDATE"))
