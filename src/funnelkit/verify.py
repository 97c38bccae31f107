"""Hold everything in a store against the rest of it.

The bare moves give what each move must carry and where each record stands (`replayed`). The changes
and the field values are a second witness of who, when and what (`witnesses`). The seals, where there
are any, bind every column of the moves (`seal`). Rows of nobody and rows that cannot be read are
findings, too, never an exception.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar, cast

from funnelkit.errors import StoreError, shown
from funnelkit.findings import Finding, differing
from funnelkit.records import Deal, Lead
from funnelkit.replayed import Order, chain, order_of, replayed
from funnelkit.storage import rows, scanning
from funnelkit.storage.base import KINDS, AsyncStore, Kind, Store
from funnelkit.storage.immediate import Immediate, run
from funnelkit.storage.rows import Row
from funnelkit.storage.statements import SELECT
from funnelkit.witnesses import Life, told

__all__ = ["Finding", "verified", "verify"]

T = TypeVar("T")


def verify(store: Store) -> tuple[Finding, ...]:
    """Return everything that does not fit; empty when the store is sound. Reads every row once.

    Every column of a sealed move is covered by its seal. Where moves are not sealed, these columns
    of ``move`` can be edited unseen, because nothing else in the store says the same: ``cause``,
    ``note`` (but for the close of a record that is closed), ``overruled`` and ``act_key``;
    ``fingerprint``, when it is made that of a definition with the same stages, reasons and
    probabilities; ``lead_source``, ``campaign`` and ``probability`` of the only move between two edits of
    that field. Sealed or not, ``position`` is nobody's fact, as long as the moves of each record
    keep their order.

    Of ``deal`` and ``lead``, sealed or not, these are told nowhere else: ``name``,
    ``expected_close``, ``contact``, ``company``, ``company_name``, ``email``, ``phone``, and the ids by
    which a lead and its deal know each other; ``lead_source``, ``campaign`` and ``probability`` after
    they were edited, until the next move. Of a definition that names rules, only
    what its moves show is checked: its fingerprint depends on the rules, which are code.

    Others may write in the meantime: what looks wrong is looked at twice.
    """
    return run(verified(Immediate(store)))


async def verified(store: AsyncStore) -> tuple[Finding, ...]:
    """Do `verify` over a store that is awaited."""
    orders, findings = await _definitions(store)
    for kind in KINDS:
        async for page in _pages(store, kind):
            found = await _readable(store, page, partial(_records, orders=orders))
            if found:  # somebody may have written between two of the queries; what is wrong stays wrong
                newer, _ = await _definitions(store)
                again = await _readable(store, page, partial(_records, orders=newer))
                found = [finding for finding in found if finding in again]
            findings += found
    for table, sql in scanning.STRAYS.items():
        findings += [
            Finding(record=id, seq=0, field=f"rows of {table}", stored=count, recomputed="no such record")
            for id, count in await store.query(sql, {})
        ]
    async for page in _pages(store, "idempotency"):
        findings += await _readable(store, page, _answers)
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
    """Look at a page; if the store cannot hand it out because of bytes that are no text, row by row."""
    try:
        return await look(store, page)
    except StoreError as error:
        _only_text(error)
    findings: list[Finding] = []
    after = page.after
    for (key,) in await store.query(scanning.keys_of_page(page.table), page.bounds):
        try:
            findings += await look(store, _Page(page.table, after, key))
        except StoreError as error:
            _only_text(error)
            record, field = (key, "row") if page.table in KINDS else ("", f"answer {shown(key)}")
            findings.append(_unreadable(record, 0, field, key, error))
        after = key
    return findings


def _only_text(error: StoreError) -> None:
    """Raise the errors that say that the store is busy, closed or damaged: those are for the caller."""
    if type(error) is not StoreError:
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


_MAKE: dict[str, Callable[[Row], Any]] = {
    "move": rows.move_of,
    "activity": rows.activity_of,
    "attribute": rows.attribute_of,
    "change": partial(rows.change_of, 0),
}


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
        about.append(grouped)
    for row in kept:
        for record in _read(kind, row, partial(rows.record_of, kind), findings):
            life = Life(record, *(grouped[record.id] for grouped in about))
            if isinstance(record, Lead | Deal):
                findings += replayed(record, life.moves, orders) + chain(record, life.moves)
            findings += told(life, orders)
    return findings


async def _answers(store: AsyncStore, page: _Page) -> list[Finding]:
    """Read the answers of a page."""
    findings: list[Finding] = []
    for row in await store.query(scanning.page_of(page.table), page.bounds):
        deque(_read(page.table, row, rows.answer_of, findings))
    return findings


async def _definitions(store: AsyncStore) -> tuple[dict[str, Order], list[Finding]]:
    """Read every definition that was ever in force; return its order by its fingerprint."""
    orders: dict[str, Order] = {}
    findings: list[Finding] = []
    for row in await store.query(SELECT["definition"], {}):
        for document in _read("definition", row, _document, findings):
            fingerprint, pipeline, _ = row
            orders[fingerprint] = order_of(document)
            says: dict[str, tuple[object, object]] = {
                f"pipeline of definition {fingerprint}": (pipeline, document["id"])
            }
            if not _names_rules(document):
                says["fingerprint of a definition"] = (fingerprint, _fingerprint(document))
            findings += differing("", 0, says)
    return orders, findings


def _document(row: Row) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(row[2])
    order_of(document)  # raises when it is the document of something else
    return document


def _names_rules(document: Mapping[str, Any]) -> bool:
    """Whether the fingerprint depends on rules, of which a document has the names alone."""
    moves = document.get("moves", ())
    parts = (document, *document["stages"], *(() if isinstance(moves, str) else moves))
    return any(part.get("rules") for part in parts)


def _fingerprint(document: Mapping[str, Any]) -> str:
    content = json.dumps([document, {}], sort_keys=True, ensure_ascii=True)
    return sha256(content.encode()).hexdigest()[:16]
