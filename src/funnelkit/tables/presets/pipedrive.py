"""Pipedrive: leads, deals, contacts (persons) and companies (organizations).

The names are those that its export of lists is seen to put in the header: the card, a hyphen, the field.
Whether a deal is won is a status beside its stage. It names a deal's client by name only, so those are
custom fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from funnelkit.tables.mapping import Column, TableMapping
from funnelkit.tables.presets.shaping import NO_PLACES, Options, shaped

__all__ = ["companies", "contacts", "deals", "leads"]

_STATUS = {"Open": "open", "Won": "won", "Lost": "lost", "Deleted": "void"}


def companies(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of organizations.

    >>> companies().kind
    'company'
    """
    fields = {
        "name": ("Organization - Name", "Name"),
        "owner": ("Organization - Owner", "Owner"),
        "created_at": ("Organization - Organization created", "Organization created"),
    }
    return shaped("company", ("Organization - ID", "ID"), fields, **options)


def contacts(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of persons.

    >>> contacts().fields["phone"].names[0]
    'Person - Phone - Work'
    """
    fields = {
        "name": ("Person - Name", "Name"),
        "owner": ("Person - Owner", "Owner"),
        "created_at": ("Person - Person created", "Person created"),
        "email": (
            "Person - Email - Work",
            "Person - Email",
            "Person - Email - Home",
            "Person - Email - Other",
        ),
        "phone": (
            "Person - Phone - Work",
            "Person - Phone",
            "Person - Phone - Mobile",
            "Person - Phone - Home",
            "Person - Phone - Other",
        ),
        "custom.company_name": ("Person - Organization", "Organization"),
    }
    return shaped("contact", ("Person - ID", "ID"), fields, **options)


def deals(*, places: Mapping[str, str] = NO_PLACES, **options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of deals.

    Args:
        places: What it calls a stage → your stage, or ``"won"``, ``"lost"``, ``"void"``.
        options: Currency, zone and the rest of `TableMapping`.

    >>> deals().fields["outcome"].values["Deleted"]
    'void'
    """
    fields = {
        "name": ("Deal - Title", "Title"),
        "place": ("Deal - Stage", "Deal - Stage (pipeline)", "Stage"),
        "outcome": Column(("Deal - Status", "Status"), values=_STATUS),
        "value": ("Deal - Value", "Value"),
        "probability": ("Deal - Probability", "Probability"),
        "owner": ("Deal - Owner", "Owner"),
        "created_at": ("Deal - Deal created", "Deal - Creation date", "Deal - Add time", "Deal created"),
        "expected_close": ("Deal - Expected close date", "Expected close date"),
        "closed_at": (
            "Deal - Won time",
            "Deal - Lost time",
            "Deal - Deal closed on",
            "Won time",
            "Lost time",
        ),
        "reason": ("Deal - Lost reason", "Lost reason"),
        "source": ("Deal - Source channel", "Source channel"),
        "custom.contact_name": ("Deal - Contact person", "Contact person"),
        "custom.company_name": ("Deal - Organization", "Organization"),
    }
    currency = ("Deal - Currency of Value", "Deal - Currency", "Currency of Value", "Currency")
    return shaped("deal", ("Deal - ID", "ID"), fields, places=places, currency_column=currency, **options)


def leads(**options: Unpack[Options]) -> TableMapping:
    """Return the mapping of an export of leads.

    >>> leads().kind
    'lead'
    """
    fields = {
        "name": ("Lead - Title", "Title"),
        "owner": ("Lead - Owner", "Owner"),
        "value": ("Lead - Value", "Value"),
        "created_at": ("Lead - Lead created", "Lead created"),
        "source": ("Lead - Source channel", "Lead - Source", "Source channel", "Source"),
        "custom.person": ("Lead - Contact person", "Contact person"),
        "company_name": ("Lead - Organization", "Organization"),
    }
    currency = ("Lead - Currency of Value", "Lead - Currency", "Currency of Value", "Currency")
    return shaped("lead", ("Lead - ID", "ID"), fields, currency_column=currency, **options)
