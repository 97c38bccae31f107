"""Hold everything in a store against the rest of it.

The bare moves give what each move must carry and where each record stands (`replayed`). The changes
and the field values are a second witness of who, when and what (`witnesses`). The seals, where there
are any, bind every column of the moves (`seal`). Records that were merged name each other (`merged`).
Rows of nobody and rows that cannot be read are findings, too, never an exception.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar, cast

from funnelkit.changes import Change
from funnelkit.errors import NotAStoreError, StoreError, shown
from funnelkit.records import Activity, Deal, Lead, Record
from funnelkit.stages import Pipeline
from funnelkit.storage import rows, scanning
from funnelkit.storage.base import KINDS, AsyncStore, Kind, Store
from funnelkit.storage.immediate import Immediate, run
from funnelkit.storage.rows import Row
from funnelkit.verifying.findings import Finding, differing
from funnelkit.verifying.merged import merged
from funnelkit.verifying.replayed import Order, chain, order_of, replayed
from funnelkit.verifying.witnesses import Life, told

__all__ = ["Finding", "verified", "verify"]

T = TypeVar("T")


def verify(store: Store, pipelines: Iterable[Pipeline] = ()) -> tuple[Finding, ...]:
    """Return everything that does not fit; empty when the store is sound. Reads every row once.

    Args:
        store: Where to look.
        pipelines: Definitions that are known. Of a stored definition that names rules, the
            fingerprint depends on more than its document says, namely on the verbs and stages that
            the rules are about; so such a document is held against the pipeline of its fingerprint.

    Every column of a sealed move is covered by its seal; see `funnelkit.gate.seal`. Where moves are not
    sealed, some columns of ``move`` can be edited unseen, for nothing else says the same: ``cause``,
    ``note``, ``overruled`` and ``act_key``; ``fingerprint``, if the other definition has the same
    stages, reasons and probabilities; ``lead_source``, ``campaign`` and ``probability`` of a move that is
    the only one between two edits of that field; ``probability`` of a transfer, if nobody gave one.
    ``position`` is nobody's fact.

    Of ``deal`` and ``lead``, sealed or not, these are told nowhere else: ``name``, ``expected_close``,
    ``contact``, ``company``, ``lead``, ``deal``, ``company_name``, ``email``, ``phone``; and, from an edit
    of it to the next move, ``lead_source``, ``campaign`` or ``probability``.

    Of ``match_key`` it is looked at whose keys there are, not whether all are there.

    Where others write meanwhile, what looks wrong is looked at twice.

    Raises:
        StoreError: The store is busy or closed, or so damaged that its keys cannot be read.

    >>> from funnelkit import Engine, MemoryStore, Pipeline, Stage
    >>> store = MemoryStore()
    >>> deal = Engine(Pipeline("sales", [Stage("new")]), store=store).create("Acme")
    >>> verify(store)
    ()
    """
    return run(verified(Immediate(store), pipelines))


async def verified(store: AsyncStore, pipelines: Iterable[Pipeline] = ()) -> tuple[Finding, ...]:
    """Do `verify` over a store that is awaited."""
    known = {pipeline.fingerprint: json.loads(pipeline.to_json()) for pipeline in pipelines}
    orders, findings = await _definitions(store, known)
    for kind in KINDS:
        async for page in _pages(store, kind):
            found = await _readable(store, page, partial(_records, orders=orders))
            if found:  # somebody may have written between two of the queries; what is wrong stays wrong
                newer, _ = await _definitions(store, known)
                again = await _readable(store, page, partial(_records, orders=newer))
                found = [finding for finding in found if finding in again]
            findings += found
    for table, sql in scanning.STRAYS.items():
        findings += [
            Finding(record=id, seq=0, field=f"rows of {table}", stored=count, recomputed="no such record")
            for id, count in await store.query(sql, {})
        ]
    for table, make in _BY_THEMSELVES.items():
        async for page in _pages(store, table):
            findings += await _readable(store, page, partial(_rows, make=make))
    return tuple(findings)


# -- pages -------------------------------------------------------------------------------------


class _Page(NamedTuple):
    """The rows of a table from behind one key to another."""

    table: str
    after: str
    last: str

    @property
    def bounds(self) -> dict[str, str]:
        return {"after": self.after, "last": self.last}


_Look = Callable[[AsyncStore, _Page], Coroutine[Any, Any, list[Finding]]]


async def _pages(store: AsyncStore, table: str) -> AsyncIterator[_Page]:
    after, sql = "", scanning.end_of_page(table)
    while last := (await store.query(sql, {"after": after}))[0][0]:
        yield _Page(table, after, last)
        after = last


async def _readable(store: AsyncStore, page: _Page, look: _Look) -> list[Finding]:
    """Look at a page; where the store cannot hand it out whole, for it is damaged, row by row."""
    try:
        return await look(store, page)
    except StoreError as error:
        _only_damage(error)
    findings: list[Finding] = []
    after = page.after
    for (key,) in await store.query(scanning.keys_of_page(page.table), page.bounds):
        try:
            findings += await look(store, _Page(page.table, after, key))
        except StoreError as error:
            _only_damage(error)
            record, field = (key, "row") if page.table in KINDS else ("", f"row {shown(key)} of {page.table}")
            findings.append(_unreadable(record, 0, field, key, error))
        after = key
    return findings


def _only_damage(error: StoreError) -> None:
    """Raise the errors that say that the store is busy, closed or out of reach: those are for the caller."""
    if type(error) not in {StoreError, NotAStoreError}:
        raise error


def _unreadable(record: str, seq: int, field: str, stored: object, error: Exception) -> Finding:
    why = f"what can be read; {type(error).__name__}: {error}"
    return Finding(record=record, seq=seq, field=field, stored=stored, recomputed=why)


# -- rows --------------------------------------------------------------------------------------

_NAMED: dict[str, Callable[[Row], tuple[str, int, str]]] = {
    **dict.fromkeys(KINDS, lambda row: (row[0], 0, "row")),
    "move": lambda row: (row[0], row[1] if isinstance(row[1], int) else 0, "row of move"),
    "activity": lambda row: (row[1], 0, f"activity {shown(row[0])}"),
    "attribute": lambda row: (row[0], 0, f"value of {shown(row[1])}"),
    "change": lambda row: (row[1], 0, f"change of version {shown(row[2])}"),
    "idempotency": lambda row: ("", 0, f"answer {shown(row[0])}"),
    "definition": lambda row: ("", 0, f"definition {shown(row[0])}"),
    "match_key": lambda row: (row[2], 0, f"key {shown(row[0])}"),
}
"""Table → where a finding about one of its rows is: record, seq, field."""


def _read(table: str, row: Row, make: Callable[[Row], T], findings: list[Finding]) -> Iterator[T]:
    """Yield what a row says; nothing when it cannot be read, which is a finding."""
    try:
        scanning.check_types(table, row)
        said = make(row)
    except Exception as error:  # noqa: BLE001 (whatever a spoilt row leads to)
        findings.append(_unreadable(*_NAMED[table](row), row, error))
    else:
        yield said


def _record(kind: Kind, row: Row) -> Record:
    record = rows.record_of(kind, row)
    if not all(isinstance(id, str) for id in record.absorbed):
        raise TypeError(f"absorbed is {shown(record.absorbed)}")
    return record


def _activity(row: Row) -> Activity:
    activity = rows.activity_of(row)
    if not all(isinstance(role, str) for role in activity.roles):
        raise TypeError(f"roles is {shown(activity.roles)}")
    return activity


def _change(row: Row) -> Change:
    change = rows.change_of(0, row)
    for name, value in json.loads(row[5]).items():
        texts = value if name == "fields" and isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts) or (name == "fields") is not isinstance(
            value, list
        ):
            raise TypeError(f"{name} is {shown(value)}")
    return change


_MAKE: dict[str, Callable[[Row], Any]] = {
    "move": rows.move_of,
    "activity": _activity,
    "attribute": rows.attribute_of,
    "change": _change,
}
"""Table of rows about records → what reads a row."""

_BY_THEMSELVES: dict[str, Callable[[Row], Any]] = {
    "idempotency": rows.answer_of,
    "match_key": rows.match_key_of,
}
"""Table of which it is enough that every row can be read → what reads a row."""


_ROW: dict[str, Callable[[Any], Row]] = {"move": rows.move_row, "activity": rows.activity_row}


def _written(table: str, row: Row, as_written: Row) -> list[Finding]:
    """Return where a row is not as it would be written: columns that do not count, but are not blank."""
    if row == as_written:
        return []
    record, seq, _ = _NAMED[table](row)
    columns = zip(rows.COLUMNS[table], zip(row, as_written, strict=True), strict=True)
    return differing(record, seq, {column: both for column, both in columns if column != "custom"})


# -- what is looked at -------------------------------------------------------------------------


async def _records(store: AsyncStore, page: _Page, *, orders: Mapping[str, Order]) -> list[Finding]:
    """Hold the records of a page against all rows about them."""
    findings: list[Finding] = []
    kind = cast("Kind", page.table)
    kept = await store.query(scanning.page_of(kind), page.bounds)
    about: list[defaultdict[str, list[Any]]] = []
    for table in scanning.ABOUT:
        grouped = defaultdict(list)
        for row in await store.query(scanning.about_page(table, kind), page.bounds):
            for item in _read(table, row, _MAKE[table], findings):
                grouped[item.record].append(item)
                if table in _ROW:
                    findings += _written(table, row, _ROW[table](item))
        about.append(grouped)
    read: list[Record] = []
    for row in kept:
        for record in _read(kind, row, partial(_record, kind), findings):
            read.append(record)
            findings += _written(kind, row, rows.record_row(kind, record))
            life = Life(record, *(grouped[record.id] for grouped in about))
            if isinstance(record, Lead | Deal):
                findings += replayed(record, life.moves, orders) + chain(record, life.moves)
            findings += told(life, orders)
    return findings + await merged(store, kind, read)


async def _rows(store: AsyncStore, page: _Page, *, make: Callable[[Row], Any]) -> list[Finding]:
    """Read the rows of a page."""
    findings: list[Finding] = []
    for row in await store.query(scanning.page_of(page.table), page.bounds):
        deque(_read(page.table, row, make, findings))
    return findings


async def _definitions(store: AsyncStore, known: Mapping[str, Any]) -> tuple[dict[str, Order], list[Finding]]:
    """Read every definition that was ever in force; return the order of each by its fingerprint."""
    orders: dict[str, Order] = {}
    findings: list[Finding] = []
    async for page in _pages(store, "definition"):
        findings += await _readable(store, page, partial(_defined, known=known, orders=orders))
    return orders, findings


async def _defined(
    store: AsyncStore, page: _Page, *, known: Mapping[str, Any], orders: dict[str, Order]
) -> list[Finding]:
    findings: list[Finding] = []
    for row in await store.query(scanning.page_of(page.table), page.bounds):
        for order, says in _read(page.table, row, partial(_definition, known), findings):
            orders[row[0]] = order
            findings += differing("", 0, says)
    return findings


def _definition(known: Mapping[str, Any], row: Row) -> tuple[Order, dict[str, tuple[object, object]]]:
    """Return the order that a definition gives, and what its row says beside what its document says."""
    fingerprint, pipeline, text = row
    document = json.loads(text)
    says = {f"pipeline of definition {fingerprint}": (pipeline, document["id"])}
    moves = document.get("moves", ())
    parts = (document, *document["stages"], *(() if isinstance(moves, str) else moves))
    if not any(part.get("rules") for part in parts):  # of rules, a document has the names alone
        content = json.dumps([document, {}], sort_keys=True, ensure_ascii=True)
        says["fingerprint of a definition"] = (fingerprint, sha256(content.encode()).hexdigest()[:16])
    elif document != known.get(fingerprint, document):
        says[f"definition {fingerprint}"] = (document, known[fingerprint])
    return order_of(document), says
