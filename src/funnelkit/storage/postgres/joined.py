"""A line that is one connection of the host's, with the host's transaction open on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus

from funnelkit.errors import InputError, NotAStoreError, SchemaVersionError, StoreClosedError
from funnelkit.storage.postgres.opening import version_of, versions
from funnelkit.storage.postgres.sessions import AsyncSession, BlockingSession
from funnelkit.storage.postgres.texts import COMMIT, Statement

__all__ = ["AsyncHostLine", "BlockingHostLine"]

_READ_ONLY = Statement("SET LOCAL transaction_read_only = on")
_SAVEPOINT = Statement("SAVEPOINT funnelkit")
_RELEASE = Statement("RELEASE SAVEPOINT funnelkit")
_UNDO = Statement("ROLLBACK TO SAVEPOINT funnelkit; RELEASE SAVEPOINT funnelkit", None)
_OURS = {"search_path": "%s", "client_encoding": "'UTF8'", "extra_float_digits": "'1'"}
"""Settings that our rows depend on, and what they have to be."""
_SET = "SELECT " + ", ".join(
    f"length(set_config('funnelkit.{name}', current_setting('{name}'), true))"
    f" + length(set_config('{name}', {value}, true))"
    for name, value in _OURS.items()
)
"""The host's own stay at the server meanwhile: a name read here might be in the encoding that was."""
_SET_BACK = Statement(
    "SELECT "
    + ", ".join(f"length(set_config('{name}', current_setting('funnelkit.{name}'), true))" for name in _OURS)
)
S = TypeVar("S", "_BlockingHostSession", "_AsyncHostSession")

_CHECKED: set[tuple[str, ...]] = set()
"""Schemas that were looked at once: a web request each is too often."""


class _Within:
    """A session whose transaction is the host's: the line says what is to be said around it."""

    begin: tuple[Statement, ...] = ()
    begin_reading: tuple[Statement, ...] = (_READ_ONLY,)
    commit: tuple[Statement, ...] = ()

    async def end(self) -> None:
        """See `Session.end`."""


class _BlockingHostSession(_Within, BlockingSession):
    pass


class _AsyncHostSession(_Within, AsyncSession):
    pass


class _HostLine(Generic[S]):
    """One connection of the host's."""

    _session: type[S]

    def __init__(self, connection: Any, schema: str, name: str) -> None:
        self.connection = connection
        self.schema = schema
        self.name = name
        self._closed = False

    async def take(self, *, writing: bool) -> S:
        """See `Line.take`."""
        opening = self._opening(writing=writing)
        session = self._session(self.connection, taught=False)
        await session.together(opening)
        if self._place not in _CHECKED:
            try:
                self._check(await version_of(session, self.name, self.schema, len(versions())))
            except BaseException:
                await self.give(session, keep=False)
                raise
        return session

    async def give(self, session: S, *, keep: bool) -> None:
        """See `Line.give`."""
        try:
            if keep:
                await session.together(self._kept())
            else:
                await session.rows(Statement("ROLLBACK") if self._own else _UNDO)
        except psycopg.Error:
            if keep:
                raise

    def _opening(self, *, writing: bool) -> tuple[Statement, ...]:
        """Return what to say before anything is read or written."""
        if self._closed:
            raise StoreClosedError(self.name, "closed")
        if self.connection.closed:
            raise StoreClosedError(self.name, "the connection was closed")
        if self.connection.pgconn.pipeline_status != PipelineStatus.OFF:
            raise InputError("connection", "is in a pipeline, where no answer comes at once", "end it first")
        self._own = self.connection.autocommit and self._status == TransactionStatus.IDLE
        if self._own and writing:
            mend = "begin it first; its end is yours"
            raise InputError("connection", "is in autocommit mode with no transaction open", mend)
        ours = Statement(_SET, (f'"{self.schema}", pg_temp',))  # or a temporary table would be found first
        return (Statement("BEGIN READ ONLY") if self._own else _SAVEPOINT, ours)

    @property
    def _status(self) -> TransactionStatus:
        return TransactionStatus(self.connection.info.transaction_status)

    def _kept(self) -> tuple[Statement, ...]:
        """Return what to say at the end, so that the host finds everything else as it was."""
        return (COMMIT,) if self._own else (_SET_BACK, _RELEASE)

    @property
    def _place(self) -> tuple[str, ...]:
        info = self.connection.info
        return (info.host, str(info.port), info.dbname, self.schema)

    def _check(self, version: int) -> None:
        if version == 0:
            mend = f"open PostgresStore(url, schema={self.schema!r}) once"
            raise NotAStoreError(self.name, f"schema {self.schema} has no tables of funnelkit: {mend}")
        if version != len(versions()):
            raise SchemaVersionError(self.name, version, len(versions()))
        _CHECKED.add(self._place)

    async def mend(self) -> None:
        """See `Line.mend`: the connection is the host's."""

    async def pause(self, seconds: float) -> None:
        """See `Line.pause`: nothing is tried twice."""

    async def close(self) -> None:
        """See `Line.close`: the connection stays open, and so does its transaction."""
        self._closed = True

    def usage(self) -> Mapping[str, int]:
        """See `Line.usage`."""
        return {}


class BlockingHostLine(_HostLine[_BlockingHostSession]):
    """One `psycopg.Connection` of the host's."""

    _session = _BlockingHostSession


class AsyncHostLine(_HostLine[_AsyncHostSession]):
    """One `psycopg.AsyncConnection` of the host's."""

    _session = _AsyncHostSession
