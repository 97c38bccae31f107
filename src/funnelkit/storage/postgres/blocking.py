"""A `Core` over connections that answer at once, shown as a `Store`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from funnelkit.changes import Change
from funnelkit.records import Activity, Move, Record
from funnelkit.storage.base import Answer, Attribute, Capabilities, Commit, Kind
from funnelkit.storage.immediate import run
from funnelkit.storage.postgres.core import Core
from funnelkit.storage.postgres.health import PostgresHealth

__all__ = ["Blocking"]


class Blocking:
    """The methods of `Store`: those of a `Core`, taken to their end."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do beyond what every store does."""
        return self._core.capabilities

    def commit(self, commit: Commit) -> None:
        """Write everything or nothing; see `Store.commit`."""
        run(self._core.commit(commit))

    def get(self, kind: Kind, id: str) -> Any:
        """Return one record; see `Store.get`."""
        return run(self._core.get(kind, id))

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, Record]:
        """Return those of the records that exist, by id."""
        return run(self._core.get_many(kind, ids))

    def find(
        self, kind: Kind, where: Mapping[str, str], *, after: str = "", limit: int = 100
    ) -> list[Record]:
        """Return records whose columns equal ``where``, in the order of their ids."""
        return run(self._core.find(kind, where, after=after, limit=limit))

    def moves(self, record: str) -> list[Move]:
        """Return the ledger of one record in the order of ``seq``."""
        return run(self._core.moves(record))

    def activities(self, record: str) -> list[Activity]:
        """Return the activities of one record, oldest first."""
        return run(self._core.activities(record))

    def attributes(self, record: str) -> list[Attribute]:
        """Return the field values of one record in the order they were written."""
        return run(self._core.attributes(record))

    def changes(self, *, after: int = 0, record: str = "", limit: int = 1000) -> list[Change]:
        """Return changes behind a position of the feed; of one record if it is named."""
        return run(self._core.changes(after=after, record=record, limit=limit))

    def answer(self, key: str) -> Answer | None:
        """Return what was answered under an idempotency key, or None."""
        return run(self._core.answer(key))

    def definitions(self) -> dict[str, tuple[str, str]]:
        """Return fingerprint → (pipeline id, JSON document) of every definition ever used."""
        return run(self._core.definitions())

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one SELECT in a transaction that only reads."""
        return run(self._core.query(sql, params))

    def health(self) -> PostgresHealth:
        """Return how the store is doing: the server, the pool, the size, the feed."""
        return run(self._core.health())

    def close(self) -> None:
        """Close all connections. Closing twice is fine."""
        run(self._core.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
