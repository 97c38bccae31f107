"""`AsyncEngine`: the verbs, awaited.

Nothing is decided here and nothing is written here: each verb awaits the coroutine that `Engine`
runs on the spot. Reports and `verify` are code that blocks, so they run in a worker thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast

from funnelkit import reporting
from funnelkit.changes import Change, Subscriber
from funnelkit.client_verbs import AsyncClientVerbs
from funnelkit.clock import Clock, SystemClock
from funnelkit.ids import IdSource, TimeOrderedIds
from funnelkit.inputs import text
from funnelkit.records import Activity, Company, Contact, Deal, Lead, Move, Record
from funnelkit.stages import Pipeline, Verdict
from funnelkit.storage import AsyncStore, MemoryStore, Store, open_store
from funnelkit.storage.base import Kind, a_store
from funnelkit.storage.immediate import Immediate
from funnelkit.storage.threads import FromThread, InThread
from funnelkit.verbs.acting import amend, move
from funnelkit.verbs.acts import Act, split
from funnelkit.verbs.asking import Option, found, options, verdict
from funnelkit.verbs.bulk import BulkResult, bulk
from funnelkit.verbs.business import Business
from funnelkit.verbs.creation import log, new_party
from funnelkit.verbs.drafts import DealDetails, NewDeal, NewLead, NewParty
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.migration import Migration, migrate, plan_migration
from funnelkit.verbs.shell import P, R, Shell

if TYPE_CHECKING:
    from funnelkit.analytics import Analytics
    from funnelkit.clients.converting import Conversion
    from funnelkit.intake.source import Source
    from funnelkit.joining.async_engine import AsyncJoinedEngine
    from funnelkit.keys.policy import KeyPolicy
    from funnelkit.people.organisation import Organisation
    from funnelkit.verifying.verify import Finding

__all__ = ["AsyncEngine"]

T = TypeVar("T")


class AsyncEngine(AsyncClientVerbs):
    """An `Engine` for code that runs in an asyncio event loop.

    It takes the same pipelines, clock, ids, zone and sealing, and has the same verbs; each is
    awaited, and answers and raises as `Engine`'s does.

    Args:
        pipelines: The definitions in force, any number, for leads and for deals.
        store: An `AsyncStore`, for example `AsyncPostgresStore`. A store that blocks, or one that a
            URL names, is called in worker threads. In memory when left out.
        clock, ids, zone, sealed, sources, organisation, keys: As for `Engine`.

    A task that is cancelled inside a verb cannot know whether the act was written; with ``key=``
    it can be asked for again.

    >>> import asyncio
    >>> from funnelkit import AsyncEngine, Pipeline, Stage
    >>> async def sell():
    ...     async with AsyncEngine(Pipeline("sales", [Stage("new"), Stage("offer")])) as engine:
    ...         deal = await engine.create("Acme")
    ...         return await engine.win(await engine.advance(deal))
    >>> asyncio.run(sell())
    Deal('Acme', offer (won), v3)
    """

    def __init__(
        self,
        *pipelines: Pipeline,
        store: AsyncStore | Store | str | None = None,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        zone: tzinfo = UTC,
        sealed: bool = False,
        sources: Iterable[Source] = (),
        organisation: Organisation | None = None,
        keys: KeyPolicy | None = None,
    ) -> None:
        if isinstance(store, str):
            store = open_store(store)
        self._store = _awaited(a_store(MemoryStore() if store is None else store))
        self._zone = reporting.a_zone(zone)
        clock = clock or SystemClock()
        ids = ids or TimeOrderedIds(clock)
        business = Business(sources=sources, organisation=organisation, keys=keys, zone=zone)
        self._shell = Shell(pipelines, self._store, clock, ids, sealed=sealed, business=business)

    @property
    def store(self) -> AsyncStore:
        """The store underneath; reading from it is fine, writing is the engine's."""
        return self._store

    @property
    def pipelines(self) -> Mapping[str, Pipeline]:
        """The definitions in force, by id."""
        return dict(self._shell.pipelines)

    # -- new records --------------------------------------------------------------------------

    async def capture(self, name: str, **details: Unpack[NewLead]) -> Lead:
        """Make a lead of an inquiry; see `Engine.capture`."""
        from funnelkit.intake.entering import entered

        return cast("Lead", await entered(self._shell, "capture", name, details))

    async def create(self, name: str, **details: Unpack[NewDeal]) -> Deal:
        """Make a deal; see `Engine.create`."""
        from funnelkit.intake.entering import entered

        return cast("Deal", await entered(self._shell, "create", name, details))

    async def create_contact(self, name: str, **details: Unpack[NewParty]) -> Contact:
        """Make a person to sell to; see `Engine.create_contact`."""
        return cast("Contact", await new_party(self._shell, "contact", name, details))

    async def create_company(self, name: str, **details: Unpack[NewParty]) -> Company:
        """Make a legal entity to sell to; see `Engine.create_company`."""
        return cast("Company", await new_party(self._shell, "company", name, details))

    async def convert(
        self,
        lead: Lead | str,
        *,
        deal: bool | str = True,
        contact: bool | Contact | str | None = None,
        company: bool | Company | str | None = None,
        **details: Unpack[DealDetails],
    ) -> Conversion:
        """Convert a lead into a deal, a contact and a company; see `Engine.convert`."""
        from funnelkit.clients.converting import convert

        targets = {"deal": deal, "contact": contact, "company": company}
        return await convert(self._shell, lead, targets, details)

    # -- from place to place ------------------------------------------------------------------

    async def advance(self, record: R | str, **act: Unpack[Act]) -> R:
        """Move a record to the next stage; see `Engine.advance`."""
        return await move(self._shell, "advance", record, act)

    async def move(self, record: R | str, to: str, **act: Unpack[Act]) -> R:
        """Move a record to a stage or by a named transition; see `Engine.move`."""
        return await move(self._shell, "move", record, act, target=text(to, "to"))

    async def win(self, deal: R | str, **act: Unpack[Act]) -> R:
        """Close a deal as won; see `Engine.win`."""
        return await move(self._shell, "win", deal, act)

    async def lose(self, record: R | str, **act: Unpack[Act]) -> R:
        """Close a record as lost; see `Engine.lose`."""
        return await move(self._shell, "lose", record, act)

    async def void(self, record: R | str, **act: Unpack[Act]) -> R:
        """Close a record as void; see `Engine.void`."""
        return await move(self._shell, "void", record, act)

    async def reopen(self, record: R | str, **act: Unpack[Act]) -> R:
        """Open a closed record again; see `Engine.reopen`."""
        return await move(self._shell, "reopen", record, act)

    async def transfer(self, record: R | str, to: str, *, stage: str | None = None, **act: Unpack[Act]) -> R:
        """Take a record to another pipeline; see `Engine.transfer`."""
        return await move(self._shell, "transfer", record, act, **self._shell.destination(to, stage))

    # -- in place -----------------------------------------------------------------------------

    async def assign(self, record: P | str, owner: str, **act: Unpack[Act]) -> P:
        """Hand a record over to another owner; see `Engine.assign`."""
        return await amend(self._shell, "assign", record, act, {"owner": text(owner, "owner")})

    async def edit(self, record: P | str, **fields: Any) -> P:
        """Change fields of a record; see `Engine.edit`."""
        act, own = split(fields)
        return await amend(self._shell, "edit", record, act, own)

    async def log(
        self,
        record: Record | str,
        kind: str,
        text: str = "",
        *,
        step: str = "",
        custom: Mapping[str, Any] | None = None,
        **act: Unpack[Act],
    ) -> Activity:
        """Write down something done for a record; see `Engine.log`."""
        told = {"kind": kind, "text": text, "step": step, "custom": custom}
        return await log(self._shell, record, told, act)

    # -- many at once -------------------------------------------------------------------------

    async def bulk(self, verb: str, records: Iterable[R | str], **arguments: Any) -> BulkResult:
        """Do one verb to many leads or deals; see `Engine.bulk`."""
        return await bulk(self._shell, verb, records, arguments)

    async def plan_migration(self, pipeline: str, stages: Mapping[str, str]) -> Migration:
        """Look what became of records whose stage is gone; see `Engine.plan_migration`."""
        return await plan_migration(self._shell, pipeline, stages)

    async def migrate(self, plan: Migration, **act: Unpack[Act]) -> BulkResult:
        """Move the records of a plan; see `Engine.migrate`."""
        return await migrate(self._shell, plan, act)

    # -- asking -------------------------------------------------------------------------------

    async def can(self, record: Record | str, verb: str, to: str = "", **act: Unpack[Act]) -> Verdict:
        """Tell whether a verb would be allowed; see `Engine.can`."""
        return await verdict(self._shell, record, verb, to, act)

    async def next(self, record: Record | str, **act: Unpack[Act]) -> tuple[Option, ...]:
        """Return everything that could be done to a record next; see `Engine.next`."""
        return await options(self._shell, record, act)

    async def get(self, id: str) -> Record:
        """Return a record as it is now; see `Engine.get`."""
        return cast("Record", await self._shell.current(id, None))

    async def find(
        self, kind: Kind, *, after: str = "", limit: int = 100, **where: Record | str
    ) -> list[Any]:
        """Return records of a kind whose fields equal ``where``; see `Engine.find`."""
        return await found(self._shell, kind, where, after=after, limit=limit)

    async def history(self, record: Record | str) -> list[Move]:
        """Return the moves of a lead or deal, oldest first."""
        return await self._store.moves(id_of(record))

    async def activities(self, record: Record | str) -> list[Activity]:
        """Return the activities logged for a record; see `Engine.activities`."""
        return await self._shell.activities_of(id_of(record))

    async def changes(
        self, record: Record | str | None = None, *, after: int = 0, limit: int = 1000
    ) -> list[Change]:
        """Return what happened, in order; see `Engine.changes`."""
        id = "" if record is None else id_of(record)
        return await self._store.changes(after=after, record=id, limit=limit)

    def subscribe(self, subscriber: Subscriber) -> Subscriber:
        """Call ``subscriber`` with every `Change` after it is committed; return it (a decorator).

        It may be a coroutine function; then it is awaited. What it raises is logged.
        """
        self._shell.subscribers.append(subscriber)
        return subscriber

    async def verify(self) -> tuple[Finding, ...]:
        """Recompute every carried fact and every record; see `Engine.verify`."""
        from funnelkit.verifying import verify

        return await asyncio.to_thread(verify, FromThread(self._store), self._shell.pipelines.values())

    async def report(self, ask: Callable[[Analytics], T]) -> T:
        """Return what a function makes of `Engine.analytics`; it runs in a worker thread.

        Some results read more when one looks at them, so look at them in there.

        >>> async def funnel():
        ...     async with AsyncEngine(Pipeline("sales", [Stage("new")])) as engine:
        ...         await engine.win(await engine.create("Acme"))
        ...         return await engine.report(lambda reports: reports.funnel("sales").to_dicts())
        >>> from funnelkit import Pipeline, Stage
        >>> [row["count"] for row in asyncio.run(funnel())]
        [1, 1]
        """
        analytics = reporting.analytics(self._shell, FromThread(self._store), self._zone)
        return await asyncio.to_thread(ask, analytics)

    # -- the program around it ----------------------------------------------------------------

    def using(self, connection: Any, *, schema: str = "public") -> AsyncJoinedEngine:
        """Return this engine inside the transaction of a ``psycopg.AsyncConnection``; see `Engine.using`.

        The connection cannot tell when it has committed, so the block has to end after the
        transaction does: ``async with engine.using(connection) as crm, connection.transaction(): …``

        >>> AsyncEngine().using("crm")
        Traceback (most recent call last):
            ...
        funnelkit.errors.InputError: connection: 'crm' cannot be joined (give a psycopg.AsyncConnection)

        Raises:
            InputError: It is no ``psycopg.AsyncConnection``.
        """
        from funnelkit.joining.async_engine import AsyncJoinedEngine

        return AsyncJoinedEngine(self, connection, schema)

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncEngine({', '.join(self._shell.pipelines)}; {self._store!r})"


def _awaited(store: AsyncStore | Store) -> AsyncStore:
    """Return a store whose methods can be awaited."""
    if iscoroutinefunction(store.commit):
        return cast("AsyncStore", store)
    blocking, can = cast("Store", store), store.capabilities
    in_memory = isinstance(store, MemoryStore) and not can.durable
    if in_memory or not can.threads:  # it answers sooner than a thread would, or only where it was made
        return Immediate(blocking)
    return InThread(blocking)
