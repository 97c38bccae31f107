"""What the gate is asked, what it knows, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from funnelkit.records import Activity, Actor, Company, Contact, Move, Outcome
from funnelkit.stages import Pipeline, Refusal, Verdict

__all__ = ["CLOSING", "NO_FACTS", "Decision", "Facts", "Request"]

CLOSING: dict[str, Outcome] = {"win": "won", "convert": "won", "lose": "lost", "void": "void"}
"""Verb → the outcome it closes with."""


@attrs.frozen(kw_only=True, slots=False)
class Request:
    """What somebody wants to do to a record.

    Attributes:
        verb: ``"move"``, ``"win"``, ``"lose"``, ``"void"``, ``"convert"``, ``"reopen"``,
            ``"transfer"``, ``"create"``, ``"capture"``, ``"assign"``, ``"edit"`` or ``"log"``.
        at: The instant the act counts from.
        target: The stage, or the name of a transition; empty where the verb says it all.
        destination: The pipeline to go to, for ``transfer``.
        owner: The new owner, for ``assign``.
        edits: Field → new value, for ``edit``.
        override: Pass over rules and missing ways; needs an actor and a reason.
        cause: Through what it comes: ``"user"``, ``"bulk"``, ``"import"``, ``"convert"``, …
        key: The idempotency key, to be kept in the ledger.
        sealed: The record's moves shall be sealed, from this one on; see `funnelkit.gate.seal`. A record
            whose moves are sealed goes on so whatever is said here.
    """

    verb: str
    actor: Actor
    at: datetime
    target: str = ""
    destination: Pipeline | None = None
    reason: str = ""
    note: str = ""
    owner: str = ""
    edits: Mapping[str, Any] = attrs.field(factory=dict)
    override: bool = False
    cause: str = "user"
    key: str = ""
    sealed: bool = False


@attrs.frozen(kw_only=True, slots=False)
class Facts:
    """What the rules in question asked to know beyond the record; only what was asked is loaded."""

    activities: tuple[Activity, ...] = ()
    history: tuple[Move, ...] = ()
    contact: Contact | None = None
    company: Company | None = None


NO_FACTS = Facts()


@attrs.frozen(kw_only=True, slots=False)
class Decision:
    """The gate's answer.

    Attributes:
        verdict: Every refusal; truthy when there is none.
        record: The record as it will be, its version one higher; the same one when nothing
            changes; None when refused. Of the type of the record that was decided on.
        move: The row for the ledger; None when there is none to write.
        overruled: The refusals an override passed over.
    """

    verdict: Verdict
    record: Any = None
    move: Move | None = None
    overruled: tuple[Refusal, ...] = ()
