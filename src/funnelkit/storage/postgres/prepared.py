"""Statements that are sent again and again: prepared once for a connection, and sent without a cursor.

A cursor is made ready for all that somebody may ask of it later. For a small statement that takes a
client more than everything else about it. What is needed of it are libpq's calls, and psycopg's own
dumpers and loaders, which are in C.
"""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

import psycopg
from psycopg import abc
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InterfaceError, InvalidSqlStatementName, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from funnelkit.storage.columns import Row
from funnelkit.storage.postgres.texts import Statement, numbered

__all__ = ["Prepared", "rolled_back"]

_ROWS, _FAILED = ExecStatus.TUPLES_OK, ExecStatus.FATAL_ERROR
_MOST = 100  # statements of a connection; each takes memory at the server
_NUMBERS = count()


class Prepared:
    """The statements that are prepared on a connection of our own, on which nobody else works meanwhile."""

    def __init__(self, connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._known: dict[str, tuple[bytes, abc.Transformer]] = {}

    def takes(self, statement: Statement) -> bool:
        """Whether a statement has parameters, by their places, and is not one too many."""
        params = statement.params
        return (
            params.__class__ in _SEQUENCES
            and bool(params)
            and (statement.sql in self._known or len(self._known) < _MOST)
        )

    def rows(self, statement: Statement) -> PQGen[list[Row]]:
        """Return what a connection has to wait for: one round trip, and one more where it is new.

        Every parameter goes as text, and the server knows its type from the statement: so there is one
        plan for it, whether a value is NULL or not.
        """
        try:
            return (yield from self._sent(statement))
        except InvalidSqlStatementName:  # somebody made the server forget; nothing was run
            self._known.clear()
            return (yield from self._sent(statement))

    def _sent(self, statement: Statement) -> PQGen[list[Row]]:
        sql, params = statement
        pgconn = self._connection.pgconn
        known = self._known.get(sql)
        if known is None:
            known = self._known[sql] = yield from self._prepare(sql)
        name, values = known
        pgconn.send_query_prepared(name, values.dump_sequence(params, _as_text(len(params))))
        result = _checked((yield from execute(pgconn)))
        if result.status != _ROWS:
            return []
        values.set_pgresult(result)
        found = values.load_rows(0, result.ntuples, tuple)
        values.set_pgresult(None)  # or it would be held until the statement is sent again
        return found

    def _prepare(self, sql: str) -> PQGen[tuple[bytes, abc.Transformer]]:
        pgconn = self._connection.pgconn
        name = b"funnelkit_%d" % next(_NUMBERS)
        pgconn.send_prepare(name, numbered(sql))
        _checked((yield from execute(pgconn)))
        return name, Transformer(self._connection)


_SEQUENCES = (tuple, list)


@cache
def _as_text(number: int) -> list[PyFormat]:
    return [PyFormat.TEXT] * number


def _checked(results: list[PGresult]) -> PGresult:
    if not results:
        raise InterfaceError("the server gave no answer")
    result = results[0]
    if result.status == _FAILED:
        raise error_from_result(result)
    return result


def rolled_back(pgconn: PGconn) -> PQGen[None]:
    """Return what a connection has to wait for to have no transaction open.

    psycopg's own would have it forget all that is prepared, and say so to the server.
    """
    if pgconn.transaction_status != TransactionStatus.IDLE:
        pgconn.send_query(b"ROLLBACK")
        _checked((yield from execute(pgconn)))
