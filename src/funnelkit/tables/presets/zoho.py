"""Zoho CRM: leads, deals, contacts and companies (accounts).

The names are those of the standard fields of its modules, as its help pages list them and its exports put
them in the header. Clients of a deal are named by name, so those are custom fields. Dates are written as
the exporting user's locale has it: say so with ``order``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from funnelkit.tables.mapping import TableMapping
from funnelkit.tables.presets.shaping import NO_PLACES, Options, shaped

__all__ = ["companies", "contacts", "deals", "leads"]

_CREATED = ("Created Time",)
_SOURCE = ("Lead Source",)
_PHONE = ("Phone", "Mobile")
_DEAL_ENDS = {"Closed Won": "won", "Closed Lost": "lost", "Closed Lost to Competition": "lost"}
_LEAD_ENDS = {"Lost Lead": "lost", "Not Qualified": "lost", "Junk Lead": "void"}


def companies(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of accounts.

    >>> companies().kind
    'company'
    """
    fields = {"name": ("Account Name",), "owner": ("Account Owner",), "created_at": _CREATED}
    return shaped("company", ("Record Id", "Account Id"), fields, **options)


def contacts(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of contacts.

    >>> contacts().key.names
    ('Record Id', 'Contact Id')
    """
    fields = {
        "name": (("First Name", "Last Name"), "Contact Name"),
        "owner": ("Contact Owner",),
        "created_at": _CREATED,
        "source": _SOURCE,
        "email": ("Email", "Secondary Email"),
        "phone": _PHONE,
        "custom.company_name": ("Account Name",),
    }
    return shaped("contact", ("Record Id", "Contact Id"), fields, **options)


def deals(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of deals.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> deals().fields["place"].values["Closed Lost to Competition"]
    'lost'
    """
    fields = {
        "name": ("Deal Name",),
        "place": ("Stage",),
        "value": ("Amount",),
        "probability": ("Probability (%)", "Probability"),
        "owner": ("Deal Owner",),
        "created_at": _CREATED,
        "expected_close": ("Closing Date",),
        "reason": ("Reason For Loss",),
        "source": _SOURCE,
        "campaign": ("Campaign Source",),
        "custom.contact_name": ("Contact Name",),
        "custom.company_name": ("Account Name",),
    }
    ends = {**_DEAL_ENDS, **places}
    return shaped(
        "deal", ("Record Id", "Deal Id"), fields, places=ends, currency_column=("Currency",), **options
    )


def leads(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of leads.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> leads().fields["place"].values["Junk Lead"]
    'void'
    """
    fields = {
        "name": (("First Name", "Last Name"), "Lead Name"),
        "place": ("Lead Status",),
        "owner": ("Lead Owner",),
        "created_at": _CREATED,
        "source": _SOURCE,
        "company_name": ("Company",),
        "email": ("Email", "Secondary Email"),
        "phone": _PHONE,
    }
    ends = {**_LEAD_ENDS, **places}
    return shaped("lead", ("Record Id", "Lead Id"), fields, places=ends, **options)
