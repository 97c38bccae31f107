"""amoCRM (Kommo): deals, contacts and companies.

The names are those that its export to CSV and Excel is seen to put in the header, in Russian and English:
the standard fields, with ``(контакт)`` or ``(компания)`` behind what belongs to another card. It names a
deal's client by name only, so those are custom fields. The budget's currency stands in the header; say it
with ``currency``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from funnelkit.tables.mapping import TableMapping
from funnelkit.tables.presets.shaping import NO_PLACES, Options, shaped

__all__ = ["companies", "contacts", "deals"]

_OWNER = ("Ответственный", "Responsible user", "Responsible")
_PHONE = (
    "Рабочий телефон (контакт)",
    "Мобильный телефон (контакт)",
    "Рабочий прямой телефон (контакт)",
    "Домашний телефон (контакт)",
    "Другой телефон (контакт)",
    "Рабочий телефон",
    "Мобильный телефон",
    "Work phone",
    "Mobile phone",
)
_EMAIL = (
    "Рабочий email (контакт)",
    "Личный email (контакт)",
    "Другой email (контакт)",
    "Рабочий email",
    "Личный email",
    "Work email",
    "Personal email",
)
_ENDS = {
    "Успешно реализовано": "won",
    "Закрыто и не реализовано": "lost",
    "Closed - won": "won",
    "Closed - lost": "lost",
}


def companies(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of companies.

    >>> companies().kind
    'company'
    """
    fields = {
        "name": ("Название компании", "Название (компания)", "Наименование", "Company name"),
        "owner": ("Ответственный за компанию", *_OWNER),
        "created_at": ("Дата создания (компания)", "Дата создания", "Created at"),
    }
    return shaped("company", ("ID", "ID компании"), fields, **options)


def contacts(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of contacts.

    >>> contacts().fields["email"].names[0]
    'Рабочий email (контакт)'
    """
    fields = {
        "name": ("Полное имя (контакт)", "Полное имя", "Наименование", "Full name", ("Имя", "Фамилия")),
        "owner": ("Ответственный за контакт", *_OWNER),
        "created_at": ("Дата создания (контакт)", "Дата создания", "Created at"),
        "email": _EMAIL,
        "phone": _PHONE,
        "custom.company_name": ("Название (компания)", "Название компании", "Компания", "Company"),
    }
    return shaped("contact", ("ID", "ID контакта"), fields, **options)


def deals(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of deals.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> deals(places={"Переговоры": "offer"}).fields["place"].values["Успешно реализовано"]
    'won'
    """
    fields = {
        "name": ("Название сделки", "Название (сделка)", "Deal name", "Lead title", "Lead name"),
        "place": ("Этап сделки", "Статус сделки", "Статус (сделка)", "Deal stage", "Lead stage", "Stage"),
        "value": ("Бюджет", "Бюджет ₽", "Бюджет руб.", "Бюджет, руб.", "Budget", "Lead value"),
        "owner": ("Ответственный за сделку", *_OWNER),
        "created_at": ("Дата создания", "Дата создания сделки", "Created at", "Date created"),
        "closed_at": ("Дата закрытия", "Дата закрытия сделки", "Closed at", "Date closed"),
        "reason": ("Причина отказа", "Loss reason"),
        "source": ("Источник сделки", "Источник", "Source"),
        "campaign": ("utm_campaign",),
        "custom.contact_name": ("Основной контакт", "Main contact"),
        "custom.company_name": ("Компания", "Компания контакта", "Company"),
        "custom.phone": _PHONE,
        "custom.email": _EMAIL,
    }
    return shaped("deal", ("ID", "ID сделки"), fields, places={**_ENDS, **places}, **options)
