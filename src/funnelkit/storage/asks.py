"""Everything that is ever read of a store in SQL: each question once, with how its rows become an answer.

Stores differ in how they send a question: on a thread's own connection, on the host's, from a pool,
awaited. What they send is the same text. Parameters are written ``?``; a driver that wants another
sign rewrites it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from funnelkit.changes import Change
from funnelkit.errors import NotAStoreError, NotFoundError
from funnelkit.records import Activity, Move, Record
from funnelkit.storage import rows
from funnelkit.storage.base import HALF, KINDS, Answer, Attribute, Kind, check_findable, check_page
from funnelkit.storage.rows import COLUMNS, Row
from funnelkit.storage.statements import SELECT

__all__ = [
    "Ask",
    "activities",
    "among",
    "answer",
    "attributes",
    "changes",
    "definitions",
    "find",
    "many",
    "moves",
    "record",
]

T = TypeVar("T")

_AT_ONCE = 500  # ids per SELECT … IN (…); old SQLite libraries allow 999


class Ask(NamedTuple, Generic[T]):
    """One SELECT, its parameters, and what its rows say."""

    sql: str
    params: Sequence[Any]
    read: Callable[[list[Row]], T]

    def answer(self, found: list[Row], store: str) -> T:
        """Return what the rows say.

        Raises:
            NotAStoreError: They say nothing that was ever written: ``store`` is damaged.
        """
        try:
            return self.read(found)
        except NotFoundError:
            raise
        except Exception as error:
            raise NotAStoreError(store, f"holds a row that cannot be read: {error}") from error


def record(kind: Kind, id: str) -> Ask[Any]:
    """Ask for one record. Reading no row raises NotFoundError."""

    def read(found: list[Row]) -> Record:
        if not found:
            raise NotFoundError(kind, id)
        return rows.record_of(kind, found[0])

    return Ask(_BY_ID[kind], (id,), read)


def many(kind: Kind, ids: Sequence[str]) -> Iterator[Ask[dict[str, Record]]]:
    """Ask for those of the records that exist, by id, in as many parts as it takes."""

    def read(found: list[Row]) -> dict[str, Record]:
        return {row[0]: rows.record_of(kind, row) for row in found}

    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        yield Ask(f"{SELECT[kind]} WHERE id IN ({', '.join('?' * len(part))})", part, read)


def among(kind: Kind, ids: Sequence[str]) -> Ask[dict[str, Record]]:
    """Ask for those of the records that exist, by id, at once; for drivers that take a list."""

    def read(found: list[Row]) -> dict[str, Record]:
        return {row[0]: rows.record_of(kind, row) for row in found}

    writable = [id for id in ids if "\0" not in id and not HALF.search(id)]  # the others were never written
    return Ask(f"{SELECT[kind]} WHERE id = ANY(?)", (writable,), read)


def find(kind: Kind, where: Mapping[str, str], after: str, limit: int) -> Ask[list[Record]]:
    """Ask for records whose columns equal ``where``, in the order of their ids."""
    check_findable(kind, where, after)
    check_page(0, limit)
    conditions = "".join(f" AND {column} = ?" for column in where)

    def read(found: list[Row]) -> list[Record]:
        return [rows.record_of(kind, row) for row in found]

    sql = f"{SELECT[kind]} WHERE id > ?{conditions} ORDER BY id LIMIT ?"
    return Ask(sql, (after, *where.values(), limit), read)


def moves(record: str) -> Ask[list[Move]]:
    """Ask for the ledger of one record in the order of ``seq``."""
    return Ask(_MOVES, (record,), lambda found: [rows.move_of(row) for row in found])


def activities(record: str) -> Ask[list[Activity]]:
    """Ask for the activities of one record, oldest first."""
    return Ask(_ACTIVITIES, (record,), lambda found: [rows.activity_of(row) for row in found])


def attributes(record: str) -> Ask[list[Attribute]]:
    """Ask for the field values of one record in the order they were written."""
    return Ask(_ATTRIBUTES, (record,), lambda found: [rows.attribute_of(row) for row in found])


def changes(after: int, record: str, limit: int) -> Ask[list[Change]]:
    """Ask for changes behind a position of the feed; of one record if it is named."""
    check_page(after, limit)
    condition, named = (" AND record_id = ?", (record,)) if record else ("", ())
    columns = ", ".join(COLUMNS["change"])
    sql = f"SELECT position, {columns} FROM change WHERE position > ?{condition} ORDER BY position LIMIT ?"
    return Ask(sql, (after, *named, limit), lambda found: [rows.change_of(row[0], row[1:]) for row in found])


def answer(key: str) -> Ask[Answer | None]:
    """Ask for what was answered under an idempotency key."""
    return Ask(_ANSWER, (key,), lambda found: rows.answer_of(found[0]) if found else None)


def definitions() -> Ask[dict[str, tuple[str, str]]]:
    """Ask for fingerprint → (pipeline id, JSON document) of every definition ever used."""
    return Ask(SELECT["definition"], (), lambda found: {row[0]: (row[1], row[2]) for row in found})


_BY_ID = {kind: f"{SELECT[kind]} WHERE id = ?" for kind in KINDS}
_MOVES = f"{SELECT['move']} WHERE record_id = ? ORDER BY seq"
_ACTIVITIES = f"{SELECT['activity']} WHERE record_id = ? ORDER BY done_us, id"
_ATTRIBUTES = f"{SELECT['attribute']} WHERE record_id = ? ORDER BY position"
_ANSWER = f"{SELECT['idempotency']} WHERE act_key = ?"
