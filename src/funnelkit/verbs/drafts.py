"""The fields a caller may give or edit, kind by kind, each with its check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from funnelkit.errors import InputError
from funnelkit.inputs import custom_values, money_value, plan_date, share, text
from funnelkit.money import Money
from funnelkit.records import Company, Contact, FrozenMapping, Record
from funnelkit.storage.base import Kind
from funnelkit.verbs.acts import Act, no_unknown

__all__ = ["DealDetails", "NewDeal", "NewLead", "NewParty", "checked", "edited"]


class DealDetails(Act, total=False):
    """Fields of a deal that `Engine.convert` takes by keyword, beside everything in `Act`.

    Attributes:
        pipeline, stage: Where it starts; else the only pipeline of its kind, and its first stage.
        owner: Who holds it.
        value: Money.
        probability: The owner's own estimate of winning, 0 to 1.
        expected_close: A date.
        source, campaign: Where it comes from.
        custom: JSON values, for everything else.
    """

    pipeline: str | None
    stage: str | None
    owner: str
    value: Money | None
    probability: float | None
    expected_close: date | None
    source: str
    campaign: str
    custom: Mapping[str, Any]


class NewDeal(DealDetails, total=False):
    """What `Engine.create` takes beside the name, by keyword: `DealDetails`, `Act`, and these.

    Attributes:
        id: An id of your own.
        contact, company: The client: records, or their ids.
        person, email, phone, company_name: Who asks, where nobody knows whether they are a client: the
            one who is known by that address or number is found, or else made. Nobody is found by the
            name of a company, as many have the same: where no client is found, `Engine.create` makes
            one of that name, even if there is one; say ``company=`` if you know it.
        consent, origin: What they agreed to, and how they came: text or JSON values, kept in the
            record's activity ``"inquiry"``.
    """

    id: str | None
    contact: Contact | str
    company: Company | str
    person: str
    email: str
    phone: str
    company_name: str
    consent: Any
    origin: Any


class NewLead(NewDeal, total=False):
    """What `Engine.capture` takes beside the name, who asks: as `NewDeal`, without ``person``."""


class NewParty(Act, total=False):
    """What `Engine.create_contact` and `create_company` take beside the name; all optional.

    ``email``, ``phone``, ``company`` and ``role``, what they are there, are for contacts.
    """

    id: str | None
    owner: str
    source: str
    custom: Mapping[str, Any]
    email: str
    phone: str
    company: Company | str
    role: str


def _plain_text(value: object, argument: str) -> str:
    return text(value, argument)


def _name(value: object, argument: str) -> str:
    return text(value, argument, required=True)


def _reference(value: object, argument: str) -> str:
    return text(getattr(value, "id", value), argument)


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "name": _name,
    "owner": _plain_text,
    "value": money_value,
    "probability": share,
    "expected_close": plan_date,
    "source": _plain_text,
    "campaign": _plain_text,
    "custom": custom_values,
    "company_name": _plain_text,
    "email": _plain_text,
    "phone": _plain_text,
    "contact": _reference,
    "company": _reference,
    "role": _plain_text,
}
_PLACED = ("name", "owner", "value", "probability", "expected_close", "source", "campaign", "custom")
FIELDS: dict[Kind, frozenset[str]] = {
    "deal": frozenset((*_PLACED, "contact", "company")),
    "lead": frozenset((*_PLACED, "contact", "company", "company_name", "email", "phone")),
    "contact": frozenset(("name", "owner", "source", "custom", "email", "phone", "company", "role")),
    "company": frozenset(("name", "owner", "source", "custom")),
}
"""The fields of a new record that the caller may give."""

_BY_VERB = {
    "owner": "use assign",
    "stage": "use move",
    "pipeline": "use transfer",
    "close": "use win, lose, void or reopen",
    "outcome": "use win, lose, void or reopen",
}


def checked(kind: Kind, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a new record, each checked.

    Raises:
        InputError: A value is not acceptable; the field is named.
        TypeError: There is no such field.
    """
    no_unknown(fields, FIELDS[kind])
    return {name: _CHECKS[name](value, name) for name, value in fields.items()}


def edited(kind: Kind, record: Record, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an edit, each checked; custom values are merged, None removes one.

    Raises:
        InputError: A value is not acceptable, or another verb is there for the field.
        TypeError: There is no such field.
    """
    for name in fields:
        if name in _BY_VERB:
            raise InputError(name, "is not edited", _BY_VERB[name])
    new = checked(kind, fields)
    if "custom" in new:
        merged = {**record.custom, **new["custom"]}
        new["custom"] = FrozenMapping({name: value for name, value in merged.items() if value is not None})
    return new
