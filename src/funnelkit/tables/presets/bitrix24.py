"""Bitrix24: leads, deals, contacts and companies.

The names are those of its standard fields as its help pages list them, in English and Russian, as the
export to CSV or Excel puts them in the header; and those of its REST interface, such as ``STAGE_ID``. The
export to Excel is a web page that calls itself .xls: export to CSV.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from funnelkit.tables.mapping import TableMapping
from funnelkit.tables.presets.shaping import NO_PLACES, Options, shaped

__all__ = ["companies", "contacts", "deals", "leads"]

_OWNER = ("Ответственный", "Responsible person", "Responsible", "ASSIGNED_BY_ID", "ASSIGNED_BY")
_CREATED = ("Дата создания", "Created on", "Created", "DATE_CREATE")
_SOURCE = ("Источник", "Source", "SOURCE_ID")
_VALUE = ("Сумма", "Total", "Amount", "OPPORTUNITY")
_CURRENCY = ("Валюта", "Currency", "CURRENCY_ID")
_CAMPAIGN = ("UTM Campaign", "UTM_CAMPAIGN")
_PHONE = (
    "Рабочий телефон",
    "Мобильный телефон",
    "Другой телефон",
    "Телефон",
    "Work phone",
    "Mobile",
    "Other phone",
    "Phone",
    "PHONE",
)
_EMAIL = (
    "Рабочий e-mail",
    "Частный e-mail",
    "Другой e-mail",
    "E-mail",
    "Work e-mail",
    "Home e-mail",
    "Other e-mail",
    "Email",
    "EMAIL",
)
_PERSON = (
    ("Имя", "Отчество", "Фамилия"),
    ("First name", "Second name", "Middle name", "Last name"),
    ("NAME", "SECOND_NAME", "LAST_NAME"),
)
_COMPANY = ("Компания: ID", "Company: ID", "Company ID", "COMPANY_ID")
_CONTACT = ("Контакт: ID", "Contact: ID", "Contact ID", "CONTACT_ID")
_DEAL_ENDS = {
    "Сделка успешна": "won",
    "Сделка провалена": "lost",
    "Deal won": "won",
    "Deal lost": "lost",
    "WON": "won",
    "LOSE": "lost",
}
_LEAD_ENDS = {
    "Качественный лид": "won",
    "Некачественный лид": "lost",
    "High-quality lead": "won",
    "Good lead": "won",
    "Junk lead": "lost",
    "CONVERTED": "won",
    "JUNK": "lost",
}


def companies(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of companies.

    >>> companies().kind
    'company'
    """
    fields = {
        "name": ("Название компании", "Company name", "Название", "TITLE"),
        "owner": _OWNER,
        "created_at": _CREATED,
        "source": _SOURCE,
    }
    return shaped("company", ("ID",), fields, **options)


def contacts(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of contacts.

    >>> contacts().fields["name"].columns[:3]
    ('Имя', 'Отчество', 'Фамилия')
    """
    fields = {
        "name": _PERSON,
        "owner": _OWNER,
        "created_at": _CREATED,
        "source": _SOURCE,
        "email": _EMAIL,
        "phone": _PHONE,
        "company": _COMPANY,
    }
    return shaped("contact", ("ID",), fields, **options)


def deals(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of deals.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> deals(places={"Новая": "new"}).fields["place"].values["Сделка успешна"]
    'won'
    """
    fields = {
        "name": ("Название сделки", "Название", "Deal name", "Name", "TITLE"),
        "place": ("Стадия сделки", "Стадия", "Deal stage", "Stage", "STAGE_ID"),
        "value": _VALUE,
        "probability": ("Вероятность", "Probability", "PROBABILITY"),
        "owner": _OWNER,
        "created_at": _CREATED,
        "expected_close": (
            "Предполагаемая дата закрытия",
            "Ожидаемая дата закрытия",
            "Дата завершения",
            "Expected close date",
            "Estimated close date",
            "End date",
            "CLOSEDATE",
        ),
        "source": _SOURCE,
        "campaign": _CAMPAIGN,
        "contact": _CONTACT,
        "company": _COMPANY,
        "lead": ("Лид: ID", "Lead: ID", "LEAD_ID"),
    }
    ends = {**_DEAL_ENDS, **places}
    return shaped("deal", ("ID",), fields, places=ends, currency_column=_CURRENCY, **options)


def leads(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of leads.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> leads(places={"Новый": "new"}).fields["place"].values["Некачественный лид"]
    'lost'
    """
    fields = {
        "name": ("Название лида", "Название", "Lead name", "TITLE"),
        "place": ("Статус", "Стадия", "Status", "Stage", "STATUS_ID"),
        "value": _VALUE,
        "owner": _OWNER,
        "created_at": _CREATED,
        "source": _SOURCE,
        "campaign": _CAMPAIGN,
        "company_name": ("Название компании", "Company name", "COMPANY_TITLE"),
        "email": _EMAIL,
        "phone": _PHONE,
        "custom.person": _PERSON,
    }
    ends = {**_LEAD_ENDS, **places}
    return shaped("lead", ("ID",), fields, places=ends, currency_column=_CURRENCY, **options)
