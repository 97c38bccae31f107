"""Salesforce: leads, deals (opportunities), contacts and companies (accounts).

The names are the labels of its standard fields, as reports put them in the header, and their names in the
data export and the API, such as ``StageName``; its field reference lists both. Reports write dates as the
reader's locale has it: say so with ``order``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from funnelkit.tables.mapping import TableMapping
from funnelkit.tables.presets.shaping import NO_PLACES, Options, shaped

__all__ = ["companies", "contacts", "deals", "leads"]

_CREATED = ("Created Date", "Create Date", "CreatedDate")
_SOURCE = ("Lead Source", "LeadSource")
_PERSON = (("First Name", "Last Name"), ("FirstName", "LastName"), "Name")
_PHONE = ("Phone", "Mobile", "MobilePhone")
_DEAL_ENDS = {"Closed Won": "won", "Closed Lost": "lost"}
_LEAD_ENDS = {"Closed - Converted": "won", "Closed - Not Converted": "lost"}


def companies(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of accounts.

    >>> companies().kind
    'company'
    """
    fields = {
        "name": ("Account Name", "Name"),
        "owner": ("Account Owner", "OwnerId"),
        "created_at": _CREATED,
        "source": ("Account Source", "AccountSource"),
    }
    return shaped("company", ("Account ID", "Id"), fields, **options)


def contacts(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of contacts.

    >>> contacts().key.names
    ('Contact ID', 'Id')
    """
    fields = {
        "name": _PERSON,
        "owner": ("Contact Owner", "OwnerId"),
        "created_at": _CREATED,
        "source": _SOURCE,
        "email": ("Email",),
        "phone": _PHONE,
        "company": ("Account ID", "AccountId"),
    }
    return shaped("contact", ("Contact ID", "Id"), fields, **options)


def deals(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of opportunities.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> deals().fields["place"].values["Closed Won"]
    'won'
    """
    fields = {
        "name": ("Opportunity Name", "Name"),
        "place": ("Stage", "StageName"),
        "value": ("Amount",),
        "probability": ("Probability (%)", "Probability"),
        "owner": ("Opportunity Owner", "OwnerId"),
        "created_at": _CREATED,
        "expected_close": ("Close Date", "CloseDate"),
        "source": _SOURCE,
        "campaign": ("Primary Campaign Source", "CampaignId"),
        "contact": ("Contact ID", "ContactId"),
        "company": ("Account ID", "AccountId"),
        "custom.company_name": ("Account Name",),
    }
    currency = ("Amount Currency", "Opportunity Currency", "CurrencyIsoCode")
    ends = {**_DEAL_ENDS, **places}
    return shaped("deal", ("Opportunity ID", "Id"), fields, places=ends, currency_column=currency, **options)


def leads(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of leads.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> leads().fields["place"].values["Closed - Converted"]
    'won'
    """
    fields = {
        "name": _PERSON,
        "place": ("Lead Status", "Status"),
        "owner": ("Lead Owner", "OwnerId"),
        "created_at": _CREATED,
        "source": _SOURCE,
        "company_name": ("Company / Account", "Company"),
        "email": ("Email",),
        "phone": _PHONE,
    }
    ends = {**_LEAD_ENDS, **places}
    return shaped("lead", ("Lead ID", "Id"), fields, places=ends, **options)
