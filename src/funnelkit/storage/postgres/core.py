"""What a PostgreSQL store does, written once: over connections that answer at once, and over awaited ones."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

from funnelkit.changes import Change
from funnelkit.errors import (
    AlreadyExistsError,
    ConflictError,
    InputError,
    KeyReusedError,
    StoreBusyError,
    StoreError,
    StoreUnavailableError,
)
from funnelkit.records import Activity, Move, Record
from funnelkit.storage import asks
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import Answer, Attribute, Capabilities, Commit, Kind, check_select
from funnelkit.storage.columns import Row
from funnelkit.storage.postgres import feed, writing
from funnelkit.storage.postgres.failing import fail, is_lost, is_transient, of_query, unfit
from funnelkit.storage.postgres.health import PostgresHealth, examined
from funnelkit.storage.postgres.planning import Plan, plan_of
from funnelkit.storage.postgres.ports import Line, Session
from funnelkit.storage.postgres.texts import Statement, placeholders

__all__ = ["Core", "JoinedCore"]

T = TypeVar("T")

_TRIES = 5
_UNKNOWN = (
    "the connection was lost and did not come back: it is not known whether the act was written; "
    "read again, or repeat it with the same key, which is safe"
)


_ANSWERS = (ConflictError, AlreadyExistsError, KeyReusedError)


def _wait(tries: int) -> float:
    """Return how many seconds to stay out of the way: at random, and longer each time."""
    return random.uniform(0, 0.005 * 4**tries)  # noqa: S311 (no secret)


class Core:
    """The methods of `AsyncStore`, over a `Line`."""

    capabilities = Capabilities(durable=True, shared=True)

    def __init__(self, line: Line, name: str, timeout: float) -> None:
        self._line = line
        self._name = name
        self._timeout = timeout

    # -- writing ------------------------------------------------------------------------------

    async def commit(self, commit: Commit) -> None:
        """Write everything or nothing; see `Store.commit`.

        When the answer is lost on the way, the same commit is tried again: either it is written
        then, or the store shows that it was written before.
        """
        plan = plan_of(commit)
        until = 0.0  # set when an answer was lost: then it is unknown whether the commit was written
        while True:
            try:
                return await self._write(plan, in_doubt=until > 0)
            except Exception as error:
                if not is_lost(error):
                    if until and not isinstance(error, _ANSWERS):
                        raise StoreUnavailableError(self._name, _UNKNOWN) from error
                    fail(self._name, error)
                until = until or monotonic() + self._timeout
                if not plan.guarded or monotonic() > until:
                    raise StoreUnavailableError(self._name, _UNKNOWN) from error
                await self._line.mend()

    async def _write(self, plan: Plan, *, in_doubt: bool) -> None:
        """Write a commit; again when others are in the way, after which nothing of it was written."""
        cause: Exception | None = None
        for tries in range(_TRIES):
            if tries:
                await self._line.pause(_wait(tries))
            try:
                return await self._with_session(lambda session: writing.write(session, plan), writing=True)
            except writing.RefusedByStore as error:
                if await self._settled(plan, in_doubt=in_doubt):
                    return None
                cause = error
            except Exception as error:
                if not is_transient(error):
                    raise
                cause = error
        raise StoreBusyError(self._name, f"others were in the way {_TRIES} times") from cause

    async def _settled(self, plan: Plan, *, in_doubt: bool) -> bool:
        """Find out why a commit was refused.

        Raises what is in its way; returns whether it was written after all, by us, before an answer
        got lost; False when nothing is in its way any more.
        """

        async def work(session: Session) -> bool:
            there = await writing.look(session, plan)
            if in_doubt and await writing.was_written(session, plan, there):
                return True
            error = writing.reason(plan, there)
            if error is not None:
                raise error
            return False

        return await self._read(work)

    # -- reading ------------------------------------------------------------------------------

    async def _with_session(
        self, work: Callable[[Session], Awaitable[T]], *, writing: bool = False, keep: bool = True
    ) -> T:
        session = await self._line.take(writing=writing)
        try:
            result = await work(session)
        except BaseException:
            await self._line.give(session, keep=False)
            raise
        await self._line.give(session, keep=keep)
        return result

    async def _read(self, work: Callable[[Session], Awaitable[T]], *, keep: bool = True) -> T:
        """Do what changes nothing, again when the connection is lost on the way."""
        tries = 0
        while True:
            try:
                return await self._with_session(work, keep=keep)
            except Exception as error:  # noqa: BLE001 (sorted here: raised anew, or tried again)
                tries += 1
                if tries == _TRIES or not (is_lost(error) or is_transient(error)):
                    fail(self._name, error)
                if is_lost(error):
                    await self._line.mend()
                else:
                    await self._line.pause(_wait(tries))

    async def _ask(self, ask: Ask[T]) -> T:
        statement = Statement(placeholders(ask.sql), ask.params)

        async def work(session: Session) -> list[Row]:
            try:
                return await session.rows(statement)
            except Exception as error:
                if unfit(error):
                    return []  # text that cannot be written was never written
                raise

        return ask.answer(await self._read(work), self._name)

    async def get(self, kind: Kind, id: str) -> Any:
        """Return one record; see `Store.get`."""
        return await self._ask(asks.record(kind, id))

    async def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the records that exist, by id."""
        return await self._ask(asks.among(kind, ids))

    async def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records whose columns equal ``where``, in the order of their ids."""
        return await self._ask(asks.find(kind, where, after, limit))

    async def moves(self, record: str) -> list[Move]:
        """Return the ledger of one record in the order of ``seq``."""
        return await self._ask(asks.moves(record))

    async def activities(self, record: str) -> list[Activity]:
        """Return the activities of one record, oldest first."""
        return await self._ask(asks.activities(record))

    async def attributes(self, record: str) -> list[Attribute]:
        """Return the field values of one record in the order they were written."""
        return await self._ask(asks.attributes(record))

    async def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed; of one record if it is named."""
        ask = asks.changes(after, record, limit)
        statement = Statement(placeholders(ask.sql), ask.params)

        async def work(session: Session) -> list[Row]:
            newest, found = await session.together([feed.NEWEST, statement])
            if newest == [(None,)]:
                await feed.number(session)
                found = await session.rows(statement)
            return found

        return ask.answer(await self._read(work), self._name)

    async def answer(self, key: str) -> Answer | None:
        """Return what was answered under an idempotency key, or None."""
        return await self._ask(asks.answer(key))

    async def definitions(self) -> dict[str, tuple[str, str]]:
        """Return fingerprint → (pipeline id, JSON document) of every definition ever used."""
        return await self._ask(asks.definitions())

    async def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT in a transaction that only reads."""
        check_select(sql)
        statement = Statement(placeholders(sql), dict(params))

        async def work(session: Session) -> list[Row]:
            try:
                found = await session.together([*session.begin_reading, statement])
            except BaseException as error:
                if of_query(error):
                    fix = "give one SELECT over the tables of the schema"
                    raise InputError("sql", str(error)[:200], fix) from error
                raise
            finally:
                await session.end()  # a rollback takes back what a SELECT did to the settings of the session
            rows = found[len(session.begin_reading)]
            if rows and not rows[0]:
                raise InputError("sql", "selects no column")
            return rows

        return await self._read(work, keep=False)

    async def health(self) -> PostgresHealth:
        """Return how the store is doing: the server, the pool, the size, the feed."""
        pool = self._line.usage()
        return await self._read(lambda session: examined(session, self._name, pool))

    async def close(self) -> None:
        """Close all connections. Closing twice is fine."""
        await self._line.close()


class JoinedCore(Core):
    """A `Core` inside a transaction of the host's: a commit is a savepoint, and nothing is tried twice."""

    # Nothing is durable or shared until the host commits; a transaction is of one thread.
    capabilities = Capabilities(threads=False)

    def __init__(self, line: Line, name: str) -> None:
        super().__init__(line, name, 0.0)

    async def commit(self, commit: Commit) -> None:
        """Write everything or nothing within the host's transaction; see `Store.commit`."""
        plan = plan_of(commit)
        try:
            await self._with_session(lambda session: writing.write(session, plan), writing=True)
        except writing.RefusedByStore as error:
            await self._settled(plan, in_doubt=False)
            raise StoreBusyError(self._name, "others were in the way; repeat your transaction") from error
        except Exception as error:  # noqa: BLE001 (raised anew)
            fail(self._name, error)

    async def _read(self, work: Callable[[Session], Awaitable[T]], *, keep: bool = True) -> T:
        try:
            return await self._with_session(work, keep=keep)
        except Exception as error:  # noqa: BLE001 (raised anew)
            fail(self._name, error)

    async def changes(self, **_asked: Any) -> list[Change]:
        """Refuse: what is in the feed there is not committed yet, and may never be."""
        problem = "the change feed cannot be read inside a transaction: read it from a store of its own"
        raise StoreError(f"{self._name}: {problem}")
