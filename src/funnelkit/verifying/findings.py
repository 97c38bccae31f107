"""`Finding`: one thing in a store that does not fit the rest of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from funnelkit.errors import shown

__all__ = ["Finding", "differing"]


@attrs.frozen(kw_only=True)
class Finding:
    """One difference between what is stored and what follows from the rest of the store.

    Attributes:
        record: The record's id; empty when it is about a definition or an answer.
        seq: The move's number; 0 when it is not about a move.
        field: Which fact, or which row: ``"source"``, ``"change 12"``.
        stored, recomputed: The two values.

    >>> print(Finding(record="deal_1", seq=2, field="source", stored="new", recomputed="offer"))
    deal_1, move 2: source is 'new', expected 'offer'
    """

    record: str
    seq: int
    field: str
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        where = f"{self.record}, move {self.seq}" if self.seq else self.record or "store"
        return f"{where}: {self.field} is {shown(self.stored)}, expected {shown(self.recomputed)}"


def differing(record: str, seq: int, says: Mapping[str, tuple[object, object]]) -> list[Finding]:
    """Return a finding for each field → (stored, recomputed) of which the two differ."""
    return [
        Finding(record=record, seq=seq, field=field, stored=stored, recomputed=recomputed)
        for field, (stored, recomputed) in says.items()
        if stored != recomputed
    ]
