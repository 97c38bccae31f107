"""HubSpot: leads, deals, contacts and companies.

The names are labels of its default properties, as others have described its exports; its own pages list
the properties, and not every header. A column that is called otherwise is listed as unknown. It has no
cards for leads in every plan: `leads` reads an export of contacts by their lead status. Dates are written
with the year first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from funnelkit.tables.mapping import Column, TableMapping
from funnelkit.tables.presets.shaping import NO_PLACES, Options, shaped

__all__ = ["companies", "contacts", "deals", "leads"]

_CREATED = ("Create Date", "Create date")
_SOURCE = ("Original Traffic Source", "Original Source", "Latest Traffic Source")
_PERSON = (("First Name", "Last Name"),)
_PHONE = ("Phone Number", "Mobile Phone Number")
_COMPANY = ("Associated Company IDs (Primary)", "Primary Associated Company ID", "Associated Company IDs")
_DEAL_ENDS = {"Closed won": "won", "Closed lost": "lost"}
_LEAD_ENDS = {"Open deal": "won", "Unqualified": "lost"}


def companies(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of companies.

    >>> companies().kind
    'company'
    """
    fields = {
        "name": ("Company name", "Name"),
        "owner": ("Company owner",),
        "created_at": _CREATED,
        "source": _SOURCE,
    }
    return shaped("company", ("Record ID",), fields, **options)


def contacts(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of contacts.

    >>> contacts().key.names
    ('Record ID', 'Contact ID')
    """
    fields = {
        "name": _PERSON,
        "owner": ("Contact owner",),
        "created_at": _CREATED,
        "source": _SOURCE,
        "email": ("Email",),
        "phone": _PHONE,
        "company": _COMPANY,
    }
    return shaped("contact", ("Record ID", "Contact ID"), fields, **options)


def deals(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of deals.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> deals().fields["place"].values["Closed lost"]
    'lost'
    """
    fields = {
        "name": ("Deal Name",),
        "place": ("Deal Stage",),
        "value": ("Amount",),
        "probability": Column("Deal probability", reads="share"),
        "owner": ("Deal owner",),
        "created_at": _CREATED,
        "expected_close": ("Close Date",),
        "reason": ("Closed Lost Reason", "Closed Won Reason"),
        "source": _SOURCE,
        "contact": ("Associated Contact IDs",),
        "company": _COMPANY,
    }
    ends = {**_DEAL_ENDS, **places}
    return shaped(
        "deal", ("Record ID", "Deal ID"), fields, places=ends, currency_column=("Currency",), **options
    )


def leads(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of contacts whose lead status counts.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> leads(places={"New": "new"}).fields["place"].values["Unqualified"]
    'lost'
    """
    fields = {
        "name": _PERSON,
        "place": ("Lead Status",),
        "owner": ("Contact owner",),
        "created_at": _CREATED,
        "source": _SOURCE,
        "company_name": ("Company Name",),
        "email": ("Email",),
        "phone": _PHONE,
    }
    ends = {**_LEAD_ENDS, **places}
    return shaped("lead", ("Record ID", "Contact ID"), fields, places=ends, **options)
