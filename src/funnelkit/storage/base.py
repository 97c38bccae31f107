"""The store port: one way to write, a few ways to read.

A store keeps records, the ledger of moves, activities, field values, changes, idempotent answers
and definitions. It decides nothing: what is written was decided by the gate.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar, overload

import attrs

from funnelkit.changes import Change
from funnelkit.errors import InputError, shown
from funnelkit.records import Activity, Company, Contact, Deal, Lead, Move, Record

__all__ = [
    "KINDS",
    "KIND_OF",
    "Answer",
    "AsyncStore",
    "Attribute",
    "Capabilities",
    "Commit",
    "Kind",
    "MatchKey",
    "Part",
    "Store",
    "Write",
    "a_store",
    "kind_of",
    "widest",
]

T = TypeVar("T")

Kind = Literal["lead", "deal", "contact", "company"]
KINDS: dict[Kind, type[Record]] = {"lead": Lead, "deal": Deal, "contact": Contact, "company": Company}
KIND_OF: dict[type[Record], Kind] = {record_type: kind for kind, record_type in KINDS.items()}


def kind_of(record: Record) -> Kind:
    """Return ``"lead"``, ``"deal"``, ``"contact"`` or ``"company"``."""
    return KIND_OF[type(record)]


Part = Literal["whole", "place", "step"]
"""How much of a record a write changes: see `Write`."""


@attrs.frozen
class Write:
    """A record as it shall be. ``expected`` is the version it replaces; 0 when it is new.

    ``part`` says how much of it can have changed since that version: ``"step"``, what a move from
    stage to stage changes (`columns.STEP`), ``"place"``, what any move changes (`columns.PLACE`), or
    the ``"whole"``. A store need write no more than that, and may write all.
    """

    record: Record
    expected: int
    part: Part = attrs.field(default="whole", eq=False)


def widest(writes: Sequence[Write]) -> Part:
    """Return the part that holds the parts of all of these."""
    parts = {write.part for write in writes}
    return "whole" if "whole" in parts else "place" if "place" in parts else "step"


@attrs.frozen(kw_only=True)
class Attribute:
    """A field's value from an instant on: custom fields always, owner and value when edited.

    ``field`` is ``"owner"``, ``"value"`` or ``"custom.<name>"``; ``value`` is the owner, the
    currency or the JSON text; ``amount`` the minor units of ``"value"``.
    """

    record: str
    field: str
    value: str
    amount: int = 0
    since: datetime


@attrs.frozen(kw_only=True)
class MatchKey:
    """A key by which duplicates of a record are looked for, such as ``"email:ada@example.org"``.

    Keys are only ever added: who had an address once is found by it still. Written again, a key
    changes nothing.

    >>> MatchKey(key="email:ada@example.org", kind="contact", record="c1").kind
    'contact'
    """

    key: str
    kind: Kind
    record: str


@attrs.frozen(kw_only=True)
class Answer:
    """What a verb answered to a request that carried an idempotency key.

    ``request`` is a digest of what was asked; ``records`` are the records as they were answered.
    """

    key: str
    request: str
    records: tuple[Record | Activity, ...]


@attrs.frozen(kw_only=True, slots=False)
class Commit:
    """Everything that one act, or one bulk of acts, writes: all of it or nothing.

    ``definitions`` maps the fingerprint of a pipeline definition to ``(pipeline id, JSON)``.
    """

    writes: tuple[Write, ...] = ()
    moves: tuple[Move, ...] = ()
    activities: tuple[Activity, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    changes: tuple[Change, ...] = ()
    answers: tuple[Answer, ...] = ()
    definitions: Mapping[str, tuple[str, str]] = MappingProxyType({})
    keys: tuple[MatchKey, ...] = ()


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a store can do beyond what every store does. The contract demands what is declared.

    Attributes:
        durable: What was written is there again after the store is closed and opened anew.
        shared: Several stores over the same data, in one process or many, see each other's commits.
        writable: It takes commits.
        threads: Any thread may use it, several at once.

    >>> from funnelkit import MemoryStore
    >>> MemoryStore().capabilities
    Capabilities(durable=False, shared=False, writable=True, threads=True)
    """

    durable: bool = False
    shared: bool = False
    writable: bool = True
    threads: bool = True


class Store(Protocol):
    """What every store does. `funnelkit.testing.StoreContract` proves that one does it.

    Rules for all methods: what is returned is complete and detached (no open cursors, no live
    objects); absent records raise `NotFoundError`; a closed store raises `StoreClosedError`; no
    driver error leaks. Lists of records come in the order of their ids.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do beyond what every store does."""
        ...

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing.

        Raises:
            ConflictError: A written record is not at the expected version.
            AlreadyExistsError: A new record's or activity's id, or the number of a move, is taken.
            KeyReusedError: An answer's key is taken.
        """
        ...

    @overload
    def get(self, kind: Literal["lead"], id: str) -> Lead: ...
    @overload
    def get(self, kind: Literal["deal"], id: str) -> Deal: ...
    @overload
    def get(self, kind: Literal["contact"], id: str) -> Contact: ...
    @overload
    def get(self, kind: Literal["company"], id: str) -> Company: ...
    @overload
    def get(self, kind: Kind, id: str) -> Record: ...
    def get(self, kind: Kind, id: str) -> Record:
        """Return one record. Raises NotFoundError."""
        ...

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the records that exist, by id."""
        ...

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records whose columns equal ``where``, by id, those after the id ``after`` first.

        Columns: `FINDABLE` of the kind; ``outcome=""`` finds open ones.
        """
        ...

    def moves(self, record: str) -> list[Move]:
        """Return the ledger of one record in the order of ``seq``; empty when there is none."""
        ...

    def activities(self, record: str) -> list[Activity]:
        """Return the activities of one record, oldest first."""
        ...

    def attributes(self, record: str) -> list[Attribute]:
        """Return the field values of one record in the order they were written."""
        ...

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed, in order; of one record if it is named."""
        ...

    def answer(self, key: str) -> Answer | None:
        """Return what was answered under an idempotency key, or None."""
        ...

    def definitions(self) -> dict[str, tuple[str, str]]:
        """Return fingerprint → (pipeline id, JSON document) of every definition ever used."""
        ...

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one read-only SELECT over the tables of ``schema.sql``; parameters are ``:name``."""
        ...

    def close(self) -> None:
        """Release everything. Closing twice is fine."""
        ...


class AsyncStore(Protocol):
    """A `Store` whose methods are awaited; each does what the method of that name does there."""

    @property
    def capabilities(self) -> Capabilities: ...  # noqa: D102 (all of these: see Store)
    async def commit(self, commit: Commit) -> None: ...  # noqa: D102
    async def get(self, kind: Kind, id: str) -> Any: ...  # noqa: D102
    async def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]: ...  # noqa: D102
    async def find(  # noqa: D102
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]: ...
    async def moves(self, record: str) -> list[Move]: ...  # noqa: D102
    async def activities(self, record: str) -> list[Activity]: ...  # noqa: D102
    async def attributes(self, record: str) -> list[Attribute]: ...  # noqa: D102
    async def changes(  # noqa: D102
        self, *, after: int = 0, record: str = "", limit: int = 1000
    ) -> list[Change]: ...
    async def answer(self, key: str) -> Answer | None: ...  # noqa: D102
    async def definitions(self) -> dict[str, tuple[str, str]]: ...  # noqa: D102
    async def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


FINDABLE: dict[Kind, frozenset[str]] = {
    "lead": frozenset(
        (
            "pipeline",
            "stage",
            "outcome",
            "owner",
            "lead_source",
            "campaign",
            "email",
            "phone",
            "contact",
            "company",
            "deal",
            "repeat_kind",
            "replaced_by",
        )
    ),
    "deal": frozenset(
        (
            "pipeline",
            "stage",
            "outcome",
            "owner",
            "lead_source",
            "campaign",
            "contact",
            "company",
            "lead",
            "repeat_kind",
            "replaced_by",
        )
    ),
    "contact": frozenset(("owner", "lead_source", "email", "phone", "company", "name", "replaced_by")),
    "company": frozenset(("owner", "lead_source", "name", "replaced_by")),
}
"""The columns that `Store.find` can compare, by kind."""


def check_findable(kind: Kind, where: Mapping[str, str], after: str) -> None:
    """Raise InputError when `Store.find` is asked about a kind, column or value it cannot compare."""
    columns = FINDABLE.get(kind) if isinstance(kind, str) else None
    if columns is None:
        raise InputError("kind", f"{shown(kind)} is no kind of record", ", ".join(FINDABLE))
    if not isinstance(after, str) or HALF.search(after):  # stores would not agree on what comes after it
        raise InputError("after", f"{shown(after)} is not an id")
    for column, value in where.items():
        if column not in columns:
            raise InputError("where", f"{shown(column)} cannot be compared", ", ".join(sorted(columns)))
        if not isinstance(value, str):
            raise InputError(column, f"{shown(value)} is not text")


def a_store(store: T, fix: str = 'write "sqlite:///crm.db", or give SQLiteStore(path)') -> T:
    """Return what is a store by the look of it; InputError for anything else."""
    if isinstance(store, type) or not hasattr(store, "commit"):
        if isinstance(store, Awaitable):
            fix = "await it first, and give AsyncEngine what comes"
        raise InputError("store", f"{shown(store)} is no store", fix)
    return store


def check_page(after: int, limit: int) -> None:
    """Raise InputError for a position below 0 or a limit below 1; booleans and fractions are neither."""
    for argument, value, least in (("after", after, 0), ("limit", limit, 1)):
        if type(value) is not int or not least <= value < _INT64:
            raise InputError(argument, f"{shown(value)} is not a whole number from {least} on")


def check_select(sql: str) -> None:
    """Raise InputError for SQL that does not begin as a SELECT does, comments left aside."""
    if not _SELECT.match(sql):
        raise InputError("sql", f"{shown(sql)} is no SELECT", "give one SELECT over the tables of the schema")


_INT64 = 2**63
HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: text with one cannot be written in UTF-8, so it never was."""

_SELECT = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
