"""How a store that asks its questions in SQL reads: every question once, whoever answers it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from funnelkit.changes import Change
from funnelkit.records import Activity, Move, Record
from funnelkit.storage import asks
from funnelkit.storage.asks import Ask
from funnelkit.storage.base import Answer, Attribute, Kind

__all__ = ["Reader"]

T = TypeVar("T")


class Reader(ABC):
    """The reading half of a `Store`, over one method that sends a question."""

    @abstractmethod
    def _ask(self, ask: Ask[T]) -> T:
        """Send one question and return what its rows say."""

    def get(self, kind: Kind, id: str) -> Any:
        """Return one record; see `Store.get`."""
        return self._ask(asks.record(kind, id))

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the records that exist, by id."""
        found: dict[str, Record] = {}
        for part in asks.many(kind, ids):
            some = self._ask(part)
            found |= some
        return found

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records whose columns equal ``where``, in the order of their ids."""
        return self._ask(asks.find(kind, where, after, limit))

    def moves(self, record: str) -> list[Move]:
        """Return the ledger of one record in the order of ``seq``."""
        return self._ask(asks.moves(record))

    def activities(self, record: str) -> list[Activity]:
        """Return the activities of one record, oldest first."""
        return self._ask(asks.activities(record))

    def attributes(self, record: str) -> list[Attribute]:
        """Return the field values of one record in the order they were written."""
        return self._ask(asks.attributes(record))

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed; of one record if it is named."""
        return self._ask(asks.changes(after, record, limit))

    def answer(self, key: str) -> Answer | None:
        """Return what was answered under an idempotency key, or None."""
        return self._ask(asks.answer(key))

    def definitions(self) -> dict[str, tuple[str, str]]:
        """Return fingerprint → (pipeline id, JSON document) of every definition ever used."""
        return self._ask(asks.definitions())
