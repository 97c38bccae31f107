"""What the contract of a store writes: records with every field blank, or filled to its limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from funnelkit.changes import Change, RecordEdited
from funnelkit.money import Money
from funnelkit.records import Activity, Close, Company, Contact, Deal, FrozenMapping, Lead, Move, Record
from funnelkit.storage.base import Commit, Kind, Write

__all__ = [
    "AT",
    "BIG",
    "CUSTOM",
    "FIRST",
    "LAST",
    "MAKERS",
    "TEXTS",
    "a_change",
    "a_company",
    "a_contact",
    "a_deal",
    "a_lead",
    "a_move",
    "an_activity",
    "filled",
    "new",
]

TEXTS = (
    "Zoë & Søn",
    "Сделка № 5 «Ёлка»",
    "株式会社",
    "👩‍🚀🚀",
    'O\'Hara "quoted" \\ back; DROP TABLE deal; --',
    "line\nbreak\ttab\r",
    "%_*?:name ?1 $1 {}",
    "e\u0301 \u202e \ufeff \U0010ffff",
    " ",
    "0",
    "null",
    "x" * 10_000,
)
"""Text that stores have been known to spoil."""

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
AT = datetime(2026, 3, 1, 9, 30, 0, 1, tzinfo=UTC)
BIG = 2**63 - 1
CUSTOM = FrozenMapping(
    {
        "size": BIG,
        "debt": -BIG - 1,
        "share": 0.1,
        "vip": True,
        "none": None,
        "Город": "Тверь",
        "terms": {"list": [1, "a", {"b": []}], "empty": {}},
    }
)


_PLACED: dict[str, Any] = {
    "pipeline": "sales",
    "stage": "new",
    "visited": ("new",),
    "moves": 1,
    "name": "Acme",
    "created_at": AT,
    "entered_at": AT,
    "updated_at": AT,
}


def a_deal(id: str = "d1", **fields: Any) -> Deal:
    """Return an open deal with every other field blank."""
    return Deal(**{"id": id, **_PLACED, **fields})


def a_lead(id: str = "l1", **fields: Any) -> Lead:
    """Return an open lead with every other field blank."""
    return Lead(**{"id": id, **_PLACED, **fields})


def a_contact(id: str = "c1", **fields: Any) -> Contact:
    """Return a contact with every other field blank."""
    return Contact(**{"id": id, "name": "Ann", "created_at": AT, "updated_at": AT, **fields})


def a_company(id: str = "f1", **fields: Any) -> Company:
    """Return a company with every other field blank."""
    return Company(**{"id": id, "name": "Acme", "created_at": AT, "updated_at": AT, **fields})


MAKERS: Mapping[Kind, Callable[..., Any]] = {
    "deal": a_deal,
    "lead": a_lead,
    "contact": a_contact,
    "company": a_company,
}


def a_move(record: str = "d1", seq: int = 1, **fields: Any) -> Move:
    """Return the row of a creation."""
    blank = {
        "pipeline": "sales",
        "source_pipeline": "sales",
        "fingerprint": "0f",
        "at": AT,
        "source": "",
        "target": "new",
        "direction": "create",
        "since": None,
        "first": True,
        "furthest_before": "",
        "furthest_after": "new",
        "created": AT,
        "actor": "sam",
    }
    return Move(**{"record": record, "seq": seq, **blank, **fields})


def an_activity(id: str = "a1", record: str = "d1", **fields: Any) -> Activity:
    """Return an activity with every other field blank."""
    return Activity(**{"id": id, "record": record, "kind": "call", "at": AT, "by": "sam", **fields})


def a_change(record: str = "d1", version: int = 1) -> Change:
    """Return a change."""
    return RecordEdited(record=record, version=version, at=AT, actor="sam", fields=("name",))


def filled(text: str) -> list[Record]:
    """Return a record of each kind with every field filled to its limits, texts with ``text``."""
    close = Close(outcome="lost", reason=text, reason_text=text, note=text, at=LAST, by=text)
    common: dict[str, Any] = {"name": text, "owner": text, "source": text, "version": BIG}
    common |= {"replaced_by": text, "absorbed": (text, " ")}
    placed = {
        "probability": 0.1,
        "expected_close": date(1, 1, 1),
        "campaign": text,
        "contact": text,
        "company": text,
        "value": Money(-BIG, "KWD"),
        "entered_at": FIRST,
        "updated_at": LAST,
        "close": close,
        "visited": ("new", "offer", "lost"),
        "moves": BIG,
        "custom": CUSTOM,
        "seal": text,
        "repeat": "inquiry",
    }
    said = {"email": text, "phone": text}
    return [
        a_deal("d1", **common, **placed, lead=text),
        a_lead("l1", **common, **placed, **said, company_name=text, deal=text),
        a_contact("c1", **common, **said, company=text, role=text, custom=CUSTOM),
        a_company("f1", **common, custom=CUSTOM, created_at=FIRST),
    ]


def new(*records: Record) -> Commit:
    """Return the commit that makes records."""
    return Commit(writes=tuple(Write(record, 0) for record in records))
