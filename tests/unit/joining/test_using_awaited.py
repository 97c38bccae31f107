"""`AsyncEngine.using`: the same promises on a connection that is awaited."""

# ruff: noqa: PT012 (it is the transaction that ends with the error)

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from tests.hosts import OnPostgres
from tests.servers import Schemas
from tests.unit.conftest import NINE
from tests.unit.joining.conftest import SALES, Heard, Oops

from funnelkit import AsyncEngine, Engine, FrozenClock
from funnelkit.errors import ConflictError, InputError, RefusedError, StoreClosedError


class Shop:
    """A program with a `psycopg.AsyncConnection`, a table of orders, and a subscriber that is awaited."""

    def __init__(self, database: OnPostgres, connection: Any) -> None:
        self.database = database
        self.connection = connection
        self.heard: Heard = []
        self.engine = AsyncEngine(SALES, clock=FrozenClock(NINE))

        @self.engine.subscribe
        async def hear(change: Any) -> None:
            await asyncio.sleep(0)
            self.heard.append((type(change).__name__, change.record))

    def join(self) -> AsyncEngine:
        """Join the transaction of the connection."""
        return self.engine.using(self.connection, schema=self.database.schema)

    @asynccontextmanager
    async def selling(self) -> AsyncIterator[AsyncEngine]:
        """Join a transaction, as the how-to says."""
        async with self.join() as crm, self.connection.transaction():
            yield crm

    async def order(self, id: int, part_of: str = "NULL") -> None:
        """Write an order."""
        await self.connection.execute(f"INSERT INTO {self.database.table} VALUES ({id}, {part_of})")

    def stored(self) -> tuple[list[int], list[str]]:
        """Return the ids of orders and deals that somebody else sees."""
        orders = self.database.rows("SELECT id FROM shop_order ORDER BY id")
        return orders, self.database.rows("SELECT id FROM deal ORDER BY id")


Day = Callable[[Callable[[Shop], Coroutine[Any, Any, None]]], None]


@pytest.fixture(params=[False, True], ids=["", "autocommit"])
def day(request: pytest.FixtureRequest, schemas: Schemas) -> Day:
    """Return what runs a coroutine function with a shop."""
    import psycopg

    def run(work: Callable[[Shop], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            database = OnPostgres(schemas)
            opening = psycopg.AsyncConnection.connect(database.url, autocommit=request.param)
            async with await opening as connection:
                await work(Shop(database, connection))

        asyncio.run(main())

    return run


def test_a_commit_keeps_both(day: Day) -> None:
    """An order and a deal are there together, and only then is the deal heard of."""

    async def work(shop: Shop) -> None:
        async with shop.selling() as crm:
            await shop.order(1)
            await crm.assign(await crm.create("Acme", id="d1"), "kim")
            assert (shop.stored(), shop.heard) == (([], []), [])
        assert shop.stored() == ([1], ["d1"])
        assert shop.heard == [("DealCreated", "d1"), ("RecordAssigned", "d1")]
        with Engine(SALES, store=shop.database.store()) as engine:
            assert engine.verify() == ()

    day(work)


def test_a_rollback_takes_back_both(day: Day) -> None:
    """Neither order nor deal, and nobody hears; the connection takes the next transaction."""

    async def work(shop: Shop) -> None:
        with pytest.raises(Oops):
            async with shop.selling() as crm:
                await shop.order(1)
                await crm.create("Acme")
                raise Oops
        assert (shop.stored(), shop.heard) == (([], []), [])
        async with shop.selling() as crm:
            await crm.create("Acme", id="d1")
        assert shop.stored() == ([], ["d1"])

    day(work)


def test_a_commit_that_fails_is_not_heard_of(day: Day) -> None:
    """The database says at the commit that an order cannot be: the deal goes with it."""

    async def work(shop: Shop) -> None:
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            async with shop.selling() as crm:
                await shop.order(1, part_of="999")
                await crm.create("Acme")
        assert (shop.stored(), shop.heard) == (([], []), [])

    day(work)


def test_our_own_failures_leave_the_transaction(day: Day) -> None:
    """After a refusal and a conflict, what was written stays and more can be written."""

    async def work(shop: Shop) -> None:
        async with shop.selling() as crm:
            deal = await crm.create("Acme", id="d1", stage="contract")
            await shop.order(1)
            with pytest.raises(RefusedError):
                await crm.win(deal)
            await crm.assign(deal, "kim")
            with pytest.raises(ConflictError):
                await crm.assign(deal, "sam")
            await shop.order(2)
        assert shop.stored() == ([1, 2], ["d1"])
        assert shop.heard == [("DealCreated", "d1"), ("RecordAssigned", "d1")]

    day(work)


def test_a_savepoint_takes_back_its_part(day: Day) -> None:
    """What is taken back to a savepoint is neither there nor heard of."""

    async def work(shop: Shop) -> None:
        async with shop.selling() as crm:
            with pytest.raises(Oops):
                async with shop.connection.transaction():
                    await crm.create("Acme", id="d1")
                    raise Oops
            await crm.create("Bolt", id="d2")
        assert shop.stored() == ([], ["d2"])
        assert shop.heard == [("DealCreated", "d2")]

    day(work)


def test_reports_and_verify_are_about_the_transaction(day: Day) -> None:
    """Inside, in their worker threads, they see what is not committed."""

    async def work(shop: Shop) -> None:
        async with shop.selling() as crm:
            await crm.create("Acme")
            assert await crm.report(lambda reports: reports.funnel("sales").counts()["new"]) == 1
            assert await crm.verify() == ()
            assert shop.stored() == ([], [])

    day(work)


def test_its_end(day: Day) -> None:
    """A block that ends before its transaction is an error, and nothing is used after the block."""

    async def work(shop: Shop) -> None:
        crm = shop.join()
        with pytest.raises(InputError, match="still in its transaction"):
            async with shop.connection.transaction(), crm:
                await crm.create("Acme")
        with pytest.raises(StoreClosedError):
            await crm.create("Bolt")
        assert (shop.stored(), shop.heard) == (([], []), [])

    day(work)


def test_an_error_is_not_hidden_by_another(day: Day) -> None:
    """When the block dies inside the transaction, that error comes out, and nobody hears."""

    async def work(shop: Shop) -> None:
        with pytest.raises(Oops):
            async with shop.connection.transaction(), shop.join() as crm:
                await crm.create("Acme")
                raise Oops
        assert (shop.stored(), shop.heard) == (([], []), [])

    day(work)


def test_blocking_and_awaited_are_told_apart(day: Day) -> None:
    """`Engine` refuses a connection that is awaited, and `AsyncEngine` one that blocks."""

    async def work(shop: Shop) -> None:
        with pytest.raises(InputError, match=r"AsyncEngine\.using"):
            Engine(SALES).using(shop.connection)
        with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(InputError, match="psycopg"):
            AsyncEngine(SALES).using(connection)

    day(work)
