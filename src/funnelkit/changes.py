"""What happened, in the past tense: notices for subscribers and for other systems.

Every verb that changes something commits its changes together with the records, so the feed and
the records can never disagree. Subscribers are called after the commit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import attrs

__all__ = [
    "ActivityLogged",
    "Change",
    "CompanyCreated",
    "ContactCreated",
    "DealCreated",
    "DealLost",
    "DealMoved",
    "DealReopened",
    "DealTransferred",
    "DealVoided",
    "DealWon",
    "LeadCaptured",
    "LeadConverted",
    "LeadDisqualified",
    "LeadMoved",
    "LeadReopened",
    "LeadTransferred",
    "LeadVoided",
    "RecordAssigned",
    "RecordEdited",
    "Subscriber",
]


@attrs.frozen(kw_only=True, slots=False)
class Change:
    """Something happened to a record.

    Attributes:
        record: Its id.
        version: The record's version after the act.
        at: When it happened.
        actor: Who did it.
        position: Its place in the store's feed; 0 until it is read from there.
    """

    record: str
    version: int
    at: datetime
    actor: str
    position: int = attrs.field(default=0, eq=False)


@attrs.frozen(kw_only=True, slots=False)
class _Moved(Change):
    source: str
    target: str
    reason: str = ""


class LeadCaptured(_Moved):
    """A lead came in."""


class LeadMoved(_Moved):
    """A lead went to another stage."""


class LeadConverted(_Moved):
    """A lead became a contact, a company or a deal."""


class LeadDisqualified(_Moved):
    """A lead was found to be no chance to sell."""


class LeadVoided(_Moved):
    """A lead was a duplicate, an error or a test."""


class LeadReopened(_Moved):
    """A closed lead was opened again."""


class LeadTransferred(_Moved):
    """A lead went to another pipeline."""


class DealCreated(_Moved):
    """A deal came into being."""


class DealMoved(_Moved):
    """A deal went to another stage."""


class DealWon(_Moved):
    """A deal was won."""


class DealLost(_Moved):
    """A deal was lost."""


class DealVoided(_Moved):
    """A deal was a duplicate, an error or a test."""


class DealReopened(_Moved):
    """A closed deal was opened again."""


class DealTransferred(_Moved):
    """A deal went to another pipeline."""


@attrs.frozen(kw_only=True, slots=False)
class ContactCreated(Change):
    """A contact came into being."""

    name: str


@attrs.frozen(kw_only=True, slots=False)
class CompanyCreated(Change):
    """A company came into being."""

    name: str


@attrs.frozen(kw_only=True, slots=False)
class RecordAssigned(Change):
    """A record was handed over from one owner to another."""

    source: str
    target: str
    reason: str = ""
    overruled: str = ""


@attrs.frozen(kw_only=True, slots=False)
class RecordEdited(Change):
    """Fields of a record were changed; ``fields`` names them (``"custom.size"`` for custom ones)."""

    fields: tuple[str, ...]
    reason: str = ""
    overruled: str = ""


@attrs.frozen(kw_only=True, slots=False)
class ActivityLogged(Change):
    """An activity was logged for a record."""

    activity: str
    kind: str


class Subscriber(Protocol):
    """Anything that wants to hear of changes, after they are committed."""

    def __call__(self, change: Change, /) -> object:
        """Take notice of a change. What is raised here is logged; the change stands."""
        ...
