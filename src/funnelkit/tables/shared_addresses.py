"""E-mail addresses of many: what a whole table says before the first of its rows is settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from zlib import crc32

from funnelkit.clients.matching import NOISE
from funnelkit.keys.normal import email_key, name_key
from funnelkit.tables.drafts import BoundMapping
from funnelkit.tables.files import Table
from funnelkit.tables.rows import Row

__all__ = ["shared_addresses"]

_SLOTS = 1 << 22
"""Addresses are counted in so many places, so that memory does not grow with the table."""


def shared_addresses(table: Table, bound: BoundMapping, aliases: str) -> frozenset[str]:
    """Return the keys of e-mail addresses that stand for more than `NOISE` names of rows with ids.

    The table is gone through once; a second time for the names, where some address stands so often.
    """
    places = bound.places("email")
    if bound.mapping.kind != "contact" or bound.mapping.key is None or not places:
        return frozenset()
    counts, often = bytearray(_SLOTS), False
    for row in table:
        for slot in _slots(row, places):
            if counts[slot] <= NOISE:
                counts[slot] += 1
                often = often or counts[slot] > NOISE
    names: defaultdict[str, set[str]] = defaultdict(set)
    for row in table if often else ():
        if any(counts[slot] > NOISE for slot in _slots(row, places)):
            draft = bound.read(row)
            if draft.usable and (address := email_key(draft.fields.get("email", ""), aliases)):
                names[address].add(name_key(draft.fields.get("name", "")))
    return frozenset(f"email:{address}" for address, named in names.items() if len(named) > NOISE)


def _slots(row: Row, places: tuple[int, ...]) -> Iterator[int]:
    """Yield where the addresses of a row are counted."""
    for at in places if not row.reason else ():
        cell = row.cells[at]
        if isinstance(cell, str) and "@" in cell:
            yield crc32(cell.strip().casefold().encode("utf-8", "replace")) % _SLOTS
