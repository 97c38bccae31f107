"""`Engine`: the verbs.

Every verb checks what it was given, looks whether its key was answered before, reads the record,
lets the gate decide, and commits. Nothing is written when it raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from functools import partial
from inspect import iscoroutine, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from funnelkit import reporting
from funnelkit.changes import Change, Subscriber
from funnelkit.client_verbs import ClientVerbs
from funnelkit.clock import Clock, SystemClock
from funnelkit.errors import InputError, shown
from funnelkit.ids import IdSource, TimeOrderedIds
from funnelkit.inputs import text
from funnelkit.records import Activity, Company, Contact, Deal, Lead, Move, Record
from funnelkit.stages import Pipeline, Verdict
from funnelkit.storage import MemoryStore, Store, open_store
from funnelkit.storage.base import Kind, a_store
from funnelkit.storage.immediate import Immediate, run
from funnelkit.verbs.acting import amend, move
from funnelkit.verbs.acts import Act, split
from funnelkit.verbs.asking import Option, found, options, verdict
from funnelkit.verbs.business import Business
from funnelkit.verbs.creation import log, new_party
from funnelkit.verbs.drafts import DealDetails, NewDeal, NewLead, NewParty
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.shell import P, R, Shell

if TYPE_CHECKING:
    from funnelkit.analytics import Analytics, Filters, Funnel
    from funnelkit.clients.converting import Conversion
    from funnelkit.intake.source import Source
    from funnelkit.joining.engine import JoinedEngine
    from funnelkit.keys.policy import KeyPolicy
    from funnelkit.people.organisation import Organisation
    from funnelkit.verbs.bulk import BulkResult
    from funnelkit.verbs.migration import Migration
    from funnelkit.verifying.verify import Finding

__all__ = ["Engine"]


class Engine(ClientVerbs):
    """Pipelines over a store: the verbs that people and programs work with.

    Args:
        pipelines: The definitions in force, any number, for leads and for deals.
        store: A store, or a URL such as ``"sqlite:///crm.db"``; in memory when left out.
        clock: What time it is; the machine's clock when left out.
        ids: Where new ids come from; time-ordered ones when left out.
        zone: The time zone of months, quarters and plain dates in reports.
        sealed: Chain the moves of each record by hashes, so that `verify` finds one that was edited.
        sources: Where inquiries come from; a `Source` decides pipeline, stage and owner of what it brings.
        organisation: Who works here, and in which groups.
        keys: How the keys are made by which duplicates are found; see `KeyPolicy`.

    Every verb returns the new record, and takes the keyword arguments of `Act`. A verb that raises
    has changed nothing.

    >>> from funnelkit import Engine, Pipeline, Stage, money
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer"), Stage("contract")]))
    >>> deal = engine.create("Acme, 40 seats", value=money(12000, "EUR"))
    >>> engine.win(engine.advance(deal))
    Deal('Acme, 40 seats', offer (won), 12,000.00 EUR, v3)
    """

    def __init__(
        self,
        *pipelines: Pipeline,
        store: Store | str | None = None,
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
        self._store = a_store(MemoryStore() if store is None else store)
        if iscoroutinefunction(self._store.commit):
            raise InputError("store", f"{shown(store)} is awaited", "give it to AsyncEngine")
        self._zone = reporting.a_zone(zone)
        clock = clock or SystemClock()
        ids = ids or TimeOrderedIds(clock)
        business = Business(sources=sources, organisation=organisation, keys=keys, zone=zone)
        self._shell = Shell(pipelines, Immediate(self._store), clock, ids, sealed=sealed, business=business)

    @property
    def store(self) -> Store:
        """The store underneath; reading from it is fine, writing is the engine's."""
        return self._store

    @property
    def pipelines(self) -> Mapping[str, Pipeline]:
        """The definitions in force, by id."""
        return dict(self._shell.pipelines)

    # -- new records --------------------------------------------------------------------------

    def capture(self, name: str, **details: Unpack[NewLead]) -> Lead:
        """Make a lead of an inquiry, on the first stage of a lead pipeline.

        With a `Source` of this engine, or with ``consent`` or ``origin``, it is looked up who asks: the
        same inquiry again is on the same card, and a known client is attached.

        Args:
            name: Who, or what about.
            details: See `NewLead`.

        Raises:
            RefusedError: A rule on ``capture`` refuses.
            InputError: A value is not acceptable, or there is no such pipeline or stage.
        """
        from funnelkit.intake.entering import entered

        return cast("Lead", run(entered(self._shell, "capture", name, details)))

    def create(self, name: str, **details: Unpack[NewDeal]) -> Deal:
        """Make a deal, with or without a client, without a lead.

        Args:
            name: What it is about.
            details: See `NewDeal`.

        Raises:
            RefusedError: A rule on ``create`` refuses, or the stage is no entry.
            InputError: A value is not acceptable, or there is no such pipeline or stage.
            NotFoundError: The contact or company does not exist.
        """
        from funnelkit.intake.entering import entered

        return cast("Deal", run(entered(self._shell, "create", name, details)))

    def create_contact(self, name: str, **details: Unpack[NewParty]) -> Contact:
        """Make a person to sell to; ``details`` are those of `NewParty`."""
        return cast("Contact", run(new_party(self._shell, "contact", name, details)))

    def create_company(self, name: str, **details: Unpack[NewParty]) -> Company:
        """Make a legal entity to sell to; ``details`` are those of `NewParty`."""
        return cast("Company", run(new_party(self._shell, "company", name, details)))

    def convert(
        self,
        lead: Lead | str,
        *,
        deal: bool | str = True,
        contact: bool | Contact | str | None = None,
        company: bool | Company | str | None = None,
        **details: Unpack[DealDetails],
    ) -> Conversion:
        """Convert a lead: a deal, a contact and a company of it, in any combination, in one commit.

        The lead stays, converted. Blanks are filled from it, what is written is never overwritten.
        A lead that was converted before is not converted again: the answer is what it became.

        Args:
            lead: The lead, or its id.
            deal: The name of the deal; True names it after the lead; False makes none.
            contact: A contact (or its id) to attach to; True (or left out) for the one the lead
                has, else a new one made of the lead; False for none.
            company: As ``contact``; left out, a new one is made only if the lead names a company.
            details: See `DealDetails`: what is to differ from the lead, and where the deal starts.

        Raises:
            RefusedError: A rule on the conversion or on the creation of the deal refuses, or the
                lead was closed otherwise.
        """
        from funnelkit.clients.converting import convert

        targets = {"deal": deal, "contact": contact, "company": company}
        return run(convert(self._shell, lead, targets, details))

    # -- from place to place ------------------------------------------------------------------

    def advance(self, record: R | str, **act: Unpack[Act]) -> R:
        """Move a record to the next stage.

        Raises:
            RefusedError: A rule refuses, or no stage or several stages come next.
            ConflictError: Somebody changed the record first.
        """
        return run(move(self._shell, "advance", record, act))

    def move(self, record: R | str, to: str, **act: Unpack[Act]) -> R:
        """Move a record to a stage of its pipeline, or by a named transition.

        A move to the stage where it is does nothing.

        Args:
            record: A lead or deal, or its id.
            to: A stage id, or the name of a transition.
            act: See `Act`.

        Raises:
            RefusedError: A rule refuses, there is no such way, or the record is closed.
            ConflictError: Somebody changed the record first.
            InputError: The pipeline has no such stage or transition.
        """
        return run(move(self._shell, "move", record, act, target=text(to, "to")))

    def win(self, deal: R | str, **act: Unpack[Act]) -> R:
        """Close a deal as won. It keeps the stage it was won on. Leads are won by `convert`.

        Raises:
            RefusedError: A rule or an unmet requirement of the stage refuses.
        """
        return run(move(self._shell, "win", deal, act))

    def lose(self, record: R | str, **act: Unpack[Act]) -> R:
        """Close a record as lost: a deal refused, a lead disqualified. Never needs finished steps.

        ``reason=`` is an entry of the pipeline's catalogue where it has one for ``lost``.

        Raises:
            RefusedError: The reason is missing or unknown, or the record is closed.
        """
        return run(move(self._shell, "lose", record, act))

    def void(self, record: R | str, **act: Unpack[Act]) -> R:
        """Close a record as void: a duplicate, an error, a test. It leaves every rate.

        Raises:
            RefusedError: The reason is missing or unknown, or the record is closed.
        """
        return run(move(self._shell, "void", record, act))

    def reopen(self, record: R | str, **act: Unpack[Act]) -> R:
        """Open a closed record again, on the stage it was closed on. History keeps the close.

        Raises:
            RefusedError: A rule on ``reopen`` refuses, or the record is open.
        """
        return run(move(self._shell, "reopen", record, act))

    def transfer(self, record: R | str, to: str, *, stage: str | None = None, **act: Unpack[Act]) -> R:
        """Take an open record to another pipeline of its kind.

        Args:
            record: A lead or deal, or its id.
            to: The id of the other pipeline.
            stage: Where it goes there; the first stage when left out.
            act: See `Act`.

        Raises:
            RefusedError: A rule on ``transfer`` of either pipeline refuses.
        """
        return run(move(self._shell, "transfer", record, act, **self._shell.destination(to, stage)))

    # -- in place -----------------------------------------------------------------------------

    def assign(self, record: P | str, owner: str, **act: Unpack[Act]) -> P:
        """Hand a record over to another owner; ``""`` frees it.

        Raises:
            RefusedError: A rule on ``assign`` refuses, for example for want of a reason.
        """
        return run(amend(self._shell, "assign", record, act, {"owner": text(owner, "owner")}))

    def edit(self, record: P | str, **fields: Any) -> P:
        """Change fields of a record; what stage it is on, who owns it and how it ended is not edited.

        Args:
            record: Any record, or its id.
            fields: Field → new value, and the arguments of `Act`. ``custom`` is merged; None
                removes a custom value.

        Raises:
            RefusedError: A rule on ``edit`` refuses.
            InputError: A value is not acceptable, or the field has a verb of its own.
        """
        act, own = split(fields)
        return run(amend(self._shell, "edit", record, act, own))

    def log(
        self,
        record: Record | str,
        kind: str,
        text: str = "",
        *,
        step: str = "",
        custom: Mapping[str, Any] | None = None,
        **act: Unpack[Act],
    ) -> Activity:
        """Write down something done for a record: a call, a mail, a note.

        The record itself does not change, nor does its version.

        Args:
            record: Any record, or its id.
            kind: A word: ``"call"``, ``"mail"``, ``"meeting"``, ``"note"``.
            text: What it was about.
            step: The required step of the record's stage that is done by it.
            custom: JSON values.
            act: See `Act`.

        Raises:
            InputError: The stage has no such step; or ``kind`` is ``"conversion"``, ``"merge"`` or
                ``"undo"``, the words of the journal by which those acts are taken back.
            RefusedError: A rule on ``log`` refuses.
        """
        told = {"kind": kind, "text": text, "step": step, "custom": custom}
        return run(log(self._shell, record, told, act))

    # -- many at once -------------------------------------------------------------------------

    def bulk(self, verb: str, records: Iterable[R | str], **arguments: Any) -> BulkResult:
        """Do one verb to many leads or deals, each through the gate, in one transaction.

        What the gate refuses is listed, the rest is done. A version conflict, or an id that nobody
        has, stops everything: it raises, and nothing is written.

        Args:
            verb: ``"advance"``, ``"move"``, ``"win"``, ``"lose"``, ``"void"``, ``"reopen"``,
                ``"transfer"``, ``"assign"`` or ``"edit"``.
            records: Records or ids, each one once.
            arguments: Those of the verb. With ``key=`` each record's act gets the key
                ``"<key>/<id>"``, so that a repeated bulk does what is missing.

        Returns:
            A `BulkResult` with ``done`` and ``refused``.
        """
        from funnelkit.verbs.bulk import bulk

        return run(bulk(self._shell, verb, records, arguments))

    def plan_migration(self, pipeline: str, stages: Mapping[str, str]) -> Migration:
        """Look what became of open records whose stage the definition no longer has; change nothing.

        Stages may be added, renamed, reordered and archived at any time without this.

        Args:
            pipeline: The id of the pipeline.
            stages: Stage that is gone → stage to go to.

        Returns:
            A `Migration` to print, and to give to `migrate`.
        """
        from funnelkit.verbs.migration import plan_migration

        return run(plan_migration(self._shell, pipeline, stages))

    def migrate(self, plan: Migration, **act: Unpack[Act]) -> BulkResult:
        """Move the records of a plan: an override through the gate, so with ``actor`` and ``reason``.

        The ledger's rows say ``cause="migration"``.
        """
        from funnelkit.verbs.migration import migrate

        return run(migrate(self._shell, plan, act))

    # -- asking -------------------------------------------------------------------------------

    def can(self, record: Record | str, verb: str, to: str = "", **act: Unpack[Act]) -> Verdict:
        """Tell whether a verb would be allowed, with every refusal, and change nothing.

        Args:
            record: A lead or deal, or its id.
            verb: A verb of this engine, for example ``"win"``.
            to: The stage or transition for ``move``, the pipeline for ``transfer``, the owner for
                ``assign``.
            act: See `Act`.
        """
        return run(verdict(self._shell, record, verb, to, act))

    def next(self, record: Record | str, **act: Unpack[Act]) -> tuple[Option, ...]:
        """Return everything that could be done to a record next, each with its verdict.

        Stages come in the order of the pipeline, then named transitions, then the outcomes.
        """
        return run(options(self._shell, record, act))

    def get(self, id: str) -> Record:
        """Return a record as it is now. Raises NotFoundError."""
        return cast("Record", run(self._shell.current(id, None)))

    def find(self, kind: Kind, *, after: str = "", limit: int = 100, **where: Record | str) -> list[Any]:
        """Return records of a kind whose fields equal ``where``, in the order of their ids.

        Contacts and companies that were merged into others are left out, unless ``replaced_by`` is asked for.
        What belongs to one of them is found under its id, and under that of who stands for it.

        Args:
            kind: ``"lead"``, ``"deal"``, ``"contact"`` or ``"company"``.
            after: The id to go on behind, for the next page.
            limit: The largest number of records to return.
            where: Field → value, for example ``stage="offer"``, ``owner="sam"``,
                ``outcome="open"``; of ``contact``, ``company``, ``lead`` and ``deal`` the record
                or its id.

        Raises:
            InputError: The field cannot be compared, or there is no such kind or outcome.
        """
        return run(found(self._shell, kind, where, after=after, limit=limit))

    def history(self, record: Record | str) -> list[Move]:
        """Return the moves of a lead or deal, oldest first."""
        return self._store.moves(id_of(record))

    def activities(self, record: Record | str) -> list[Activity]:
        """Return the activities logged for a record and for those merged into it, oldest first."""
        return run(self._shell.activities_of(id_of(record)))

    def changes(
        self, record: Record | str | None = None, *, after: int = 0, limit: int = 1000
    ) -> list[Change]:
        """Return what happened, in order: of one record, or of all behind a position of the feed."""
        id = "" if record is None else id_of(record)
        return self._store.changes(after=after, record=id, limit=limit)

    def subscribe(self, subscriber: Subscriber) -> Subscriber:
        """Call ``subscriber`` with every `Change` after it is committed; return it (a decorator).

        What a subscriber raises is logged; the change stands.

        Raises:
            InputError: It is a coroutine function, which nobody would await here.
        """
        if iscoroutinefunction(subscriber):
            raise InputError("subscriber", f"{shown(subscriber)} is awaited", "subscribe it to AsyncEngine")
        self._shell.subscribers.append(partial(_tell, subscriber))
        return subscriber

    def verify(self) -> tuple[Finding, ...]:
        """Recompute every carried fact and every record from the bare moves; return what differs."""
        from funnelkit.verifying import verify

        return verify(self._store, self._shell.pipelines.values())

    # -- measuring ----------------------------------------------------------------------------

    @property
    def analytics(self) -> Analytics:
        """Every report over this engine's ledger."""
        return reporting.analytics(self._shell, self._store, self._zone)

    def funnel(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> Funnel:
        """Count how many records got how far: the default funnel of `analytics`.

        Args:
            pipeline: The id of the pipeline; left out, the only one for deals.
            filters: See `Filters`: ``as_of``, ``created``, ``owner``, ``source``, ``by``, ….
        """
        return self.analytics.funnel(self._shell.only("deal", pipeline).id, **filters)

    # -- the program around it ----------------------------------------------------------------

    def using(self, connection: Any, *, schema: str = "public") -> JoinedEngine:
        """Return this engine inside the transaction that the program around it has open.

        What the verbs write there is committed or rolled back together with the program's own
        writes; a verb that raises takes back its own part only. Subscribers hear of it after the
        program has committed.

        Args:
            connection: A ``sqlite3`` or ``psycopg`` connection, a ``Session`` or ``Connection`` of
                SQLAlchemy 2, or a Django connection inside ``transaction.atomic()``.
            schema: Where the tables are in PostgreSQL.

        A Session and Django tell when they have committed. The other connections cannot, so there
        the block has to end after the transaction does:

        >>> import sqlite3
        >>> from funnelkit import Engine, Pipeline, SQLiteStore, Stage
        >>> connection = sqlite3.connect(":memory:")
        >>> SQLiteStore.create_tables(connection)
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> heard = engine.subscribe(lambda change: print(change.record, change.source, change.target))
        >>> with engine.using(connection) as crm, connection:
        ...     deal = crm.create("Acme", id="A-1")
        ...     print("nobody has heard yet")
        nobody has heard yet
        A-1  new
        >>> connection.close()

        Raises:
            InputError: The connection is none of these, or Django's is outside of ``atomic()``.
            NotAStoreError: The database has no tables of funnelkit; on PostgreSQL the first verb says so.
        """
        from funnelkit.joining.engine import JoinedEngine

        return JoinedEngine(self, connection, schema)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Engine({', '.join(self._shell.pipelines)}; {self._store!r})"


def _tell(subscriber: Subscriber, change: Change) -> None:
    """Call a subscriber, and await nothing of what it returns: a task goes on by itself."""
    told: object = subscriber(change)
    if iscoroutine(told):
        run(told)  # one that waits fails, as a subscriber may
