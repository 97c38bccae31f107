"""Records that stand alone, and a world in which the extra ``clients`` is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.servers import Schemas

from funnelkit import Company, Contact, FrozenMapping, Lead
from funnelkit.keys import normal, phones

if TYPE_CHECKING:
    from funnelkit.storage.postgres import PostgresStore

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
PACKAGES = ("email_validator", "phonenumbers", "rapidfuzz", "rapidfuzz.distance", "rapidfuzz.distance.Indel")


def _forget() -> None:
    normal.optional.cache_clear()
    phones._regions.cache_clear()  # noqa: SLF001 (what was found out about the packages)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the optional packages impossible to import."""
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    _forget()
    yield
    _forget()


class Make:
    """Makes records that differ only in what a test says, the later ones younger."""

    def __init__(self) -> None:
        self._count = 0

    def _born(self) -> dict[str, Any]:
        self._count += 1
        born = NINE + timedelta(minutes=self._count)
        return {"id": f"r{self._count}", "created_at": born, "updated_at": born}

    def lead(self, name: str = "", custom: Mapping[str, Any] | None = None, **fields: Any) -> Lead:
        """Return a lead."""
        placed = {"pipeline": "intake", "stage": "new", "entered_at": NINE}
        return Lead(**{**self._born(), **placed, **fields}, name=name, custom=FrozenMapping(custom or {}))

    def contact(self, name: str = "", custom: Mapping[str, Any] | None = None, **fields: Any) -> Contact:
        """Return a contact."""
        return Contact(**{**self._born(), **fields}, name=name, custom=FrozenMapping(custom or {}))

    def company(self, name: str = "", custom: Mapping[str, Any] | None = None, **fields: Any) -> Company:
        """Return a company."""
        return Company(**{**self._born(), **fields}, name=name, custom=FrozenMapping(custom or {}))


@pytest.fixture
def make() -> Make:
    """Return a maker of records."""
    return Make()


def a_server(schemas: Schemas) -> PostgresStore:
    """Return a store in a schema of its own."""
    from funnelkit.storage.postgres import PostgresStore

    return PostgresStore(schemas.url, schema=schemas.new())
