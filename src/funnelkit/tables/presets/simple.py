"""Tables of one's own: leads, deals, contacts and companies with plain column names, English or Russian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from funnelkit.tables.mapping import TableMapping
from funnelkit.tables.presets.shaping import NO_PLACES, Options, shaped

__all__ = ["companies", "contacts", "deals", "leads"]

_ID = ("id", "key", "код")
_NAME = ("name", "title", "название", "имя")
_OWNER = ("owner", "manager", "ответственный", "менеджер")
_CREATED = ("created", "created at", "date", "дата создания", "создан", "дата")
_SOURCE = ("source", "источник")
_VALUE = ("value", "amount", "sum", "сумма", "бюджет")
_CURRENCY = ("currency", "валюта")
_PLACE = ("stage", "status", "стадия", "этап", "статус")
_EMAIL = ("email", "e-mail", "почта")
_PHONE = ("phone", "телефон")


def companies(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of a table of companies.

    >>> companies().kind
    'company'
    """
    fields = {
        "name": (*_NAME, "company", "компания"),
        "owner": _OWNER,
        "created_at": _CREATED,
        "source": _SOURCE,
    }
    return shaped("company", _ID, fields, **options)


def contacts(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of a table of contacts.

    >>> contacts().key.names
    ('id', 'key', 'код')
    """
    fields = {
        "name": (("first name", "last name"), ("имя", "фамилия"), *_NAME, "full name", "фио"),
        "owner": _OWNER,
        "created_at": _CREATED,
        "source": _SOURCE,
        "email": _EMAIL,
        "phone": _PHONE,
        "company": ("company id", "код компании"),
        "company_name": ("company", "компания"),
        "role": ("role", "position", "job title", "должность"),
    }
    return shaped("contact", _ID, fields, **options)


def deals(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of a table of deals.

    Args:
        places: What the table calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> deals(places={"Новая": "new"}).fields["place"].values["Новая"]
    'new'
    """
    fields = {
        "name": _NAME,
        "place": _PLACE,
        "value": _VALUE,
        "probability": ("probability", "вероятность"),
        "owner": _OWNER,
        "created_at": _CREATED,
        "expected_close": ("expected close", "close date", "ожидаемая дата закрытия"),
        "closed_at": ("closed", "closed at", "дата закрытия"),
        "reason": ("reason", "причина"),
        "source": _SOURCE,
        "campaign": ("campaign", "кампания"),
        "contact": ("contact id", "код контакта"),
        "company": ("company id", "код компании"),
    }
    return shaped("deal", _ID, fields, places=places, currency_column=_CURRENCY, **options)


def leads(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of a table of leads.

    Args:
        places: What the table calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> leads().fields["phone"].names
    ('phone', 'телефон')
    """
    fields = {
        "name": (*_NAME, "full name", "фио"),
        "place": _PLACE,
        "value": _VALUE,
        "owner": _OWNER,
        "created_at": _CREATED,
        "source": _SOURCE,
        "campaign": ("campaign", "кампания"),
        "company_name": ("company", "компания"),
        "email": _EMAIL,
        "phone": _PHONE,
    }
    return shaped("lead", _ID, fields, places=places, currency_column=_CURRENCY, **options)
