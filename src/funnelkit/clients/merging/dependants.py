"""Who holds the id of a record: the registry of links, and looking them up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import attrs

from funnelkit.records import Record
from funnelkit.storage.base import AsyncStore, Kind, kind_of

__all__ = ["DEPENDANTS", "Dependant", "dependants_of"]

DEPENDANTS: dict[Kind, tuple[tuple[Kind, str], ...]] = {
    "lead": (("deal", "lead"),),
    "deal": (("lead", "deal"),),
    "contact": (("lead", "contact"), ("deal", "contact")),
    "company": (("lead", "company"), ("deal", "company"), ("contact", "company")),
}
"""Kind of a record → the kinds and fields of records that hold its id."""

_PAGE = 500


@attrs.frozen(kw_only=True)
class Dependant:
    """A record that is to belong to the survivor of a merge.

    Attributes:
        kind, id: The record.
        field: Its field that holds the id.
        before, after: What is there, and what will be there.
        version: The version that was seen.
    """

    kind: Kind
    id: str
    field: str
    before: str
    after: str
    version: int = attrs.field(default=0, repr=False, eq=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}: {self.field} {self.before} → {self.after}"


async def dependants_of(
    store: AsyncStore, survivor: Record, losers: Sequence[Record]
) -> list[tuple[Record, Dependant]]:
    """Return every record that holds the id of a loser, with what it will hold; tombstones, too."""
    found: list[tuple[Record, Dependant]] = []
    for kind, field in DEPENDANTS[kind_of(survivor)]:
        for loser in losers:
            async for record in _holding(store, kind, field, loser.id):
                dependant = Dependant(
                    kind=kind,
                    id=record.id,
                    field=field,
                    before=loser.id,
                    after=survivor.id,
                    version=record.version,
                )
                found.append((record, dependant))
    return found


async def _holding(store: AsyncStore, kind: Kind, field: str, id: str) -> AsyncIterator[Record]:
    after = ""
    while page := await store.find(kind, {field: id}, after=after, limit=_PAGE):
        for record in page:
            yield record
        if len(page) < _PAGE:
            return
        after = page[-1].id
