"""What the verbs note on a record: activities, among them the journal by which something is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from funnelkit.changes import ActivityLogged
from funnelkit.money import Money, money
from funnelkit.records import Activity, FrozenMapping, Record
from funnelkit.storage.base import Commit
from funnelkit.verbs.acts import Asked
from funnelkit.verbs.shell import Shell

__all__ = ["JOURNAL", "decoded", "encoded", "noted", "was_undone"]

JOURNAL = frozenset(("conversion", "merge", "undo"))
"""Kinds of activities that say how to take something back: the verbs write them, and nobody else."""


def noted(
    shell: Shell,
    record: Record,
    said: Asked,
    *,
    kind: str,
    text: str,
    custom: Mapping[str, Any],
    at: datetime | None = None,
    step: str = "",
) -> tuple[Activity, Commit]:
    """Return an activity of a record, and the commit that writes it down.

    Args:
        shell: Where its id comes from.
        record: As it is by then: in the same commit, as it will be.
        said: The common arguments: who.
        kind: What it is; see `JOURNAL`.
        text: The same in words.
        custom: JSON values.
        at: When; the instant the record was changed last, if left out.
        step: The step of the stage that is done by it.
    """
    activity = Activity(
        id=shell.ids("activity"),
        record=record.id,
        kind=kind,
        text=text,
        pipeline=getattr(record, "pipeline", ""),
        stage=getattr(record, "stage", ""),
        step=step,
        at=at or record.updated_at,
        by=said.actor.id,
        roles=tuple(sorted(said.actor.roles)),
        custom=FrozenMapping(custom),
    )
    change = ActivityLogged(
        record=record.id,
        version=record.version,
        at=activity.at,
        actor=activity.by,
        activity=activity.id,
        kind=activity.kind,
    )
    return activity, Commit(activities=(activity,), changes=(change,))


def was_undone(entries: Iterable[Activity], id: str) -> bool:
    """Whether one of the entries of a record takes the one with this id back."""
    return any(each.kind == "undo" and each.custom.get("undone") == id for each in entries)


def encoded(value: Any) -> Any:
    """Return a value of a field as JSON has it; equal values, and no others, are equal so, too."""
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    return value.isoformat() if isinstance(value, date) else value


def decoded(field: str, value: Any) -> Any:
    """Return a value of a field from the journal; what `encoded` has made of it."""
    if value is None or field.startswith("custom."):
        return value
    if field == "value":
        return money(value["amount"], value["currency"])
    return date.fromisoformat(value) if field == "expected_close" else value
