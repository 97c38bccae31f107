"""`Stage`: a step where an open record sits, and `CloseReason`: why one was closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import attrs

from funnelkit.clock import duration
from funnelkit.errors import TimeError
from funnelkit.serial import duration_text
from funnelkit.stages.rules import Rule

__all__ = ["CloseReason", "Stage"]


def one_or_many(value: Any) -> Any:
    """Return a tuple; text or a rule that stands alone is one item, not a sequence."""
    if isinstance(value, str | Rule) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _limit(value: Any) -> Any:
    """Read a duration; what cannot be read is kept for the check to report with its path."""
    try:
        return None if value is None else duration(value)
    except TimeError:
        return value


def _probability(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    except OverflowError:  # kept for the check, as above
        return value


@attrs.frozen(repr=False)
class Stage:
    """A step of a pipeline. Checked when a `Pipeline` is made of it.

    Attributes:
        id: A slug, unique within the pipeline: ``"proposal"``.
        label: What people call it, in any language.
        probability: Chance that a record on this stage will be won, 0 to 1.
        requires: Fields that must be filled before the stage is left forward or won. Paths:
            ``"value"``, ``"contact.email"``, ``"terms.payment"`` (a custom field).
        steps: Steps that must be done before that: an activity logged with that ``step``.
        limit: How long a record should stay at most; ``"14d"`` or a timedelta of whole seconds.
        can_win: Whether a record can be won from here.
        archived: No record can enter it any more; those on it can go on.
        rules: Asked when the stage is left forward or won.

    >>> Stage("qualified", probability=0.2, limit="14d", steps=("call", "budget"))
    Stage('qualified', probability=0.2, steps=('call', 'budget'), limit='14d')
    """

    id: str
    label: str = ""
    probability: float | None = attrs.field(default=None, kw_only=True, converter=_probability)
    requires: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=one_or_many)
    steps: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=one_or_many)
    limit: timedelta | None = attrs.field(default=None, kw_only=True, converter=_limit)
    can_win: bool = attrs.field(default=True, kw_only=True)
    archived: bool = attrs.field(default=False, kw_only=True)
    rules: tuple[Rule, ...] = attrs.field(default=(), kw_only=True, converter=one_or_many)

    def __repr__(self) -> str:
        told = [repr(self.id)]
        for field in attrs.fields(Stage)[1:]:
            value = getattr(self, field.name)
            if value != field.default:
                shown = duration_text(value) if isinstance(value, timedelta) else value
                told.append(f"{field.name}={shown!r}")
        return f"Stage({', '.join(told)})"


@attrs.frozen
class CloseReason:
    """Why a record was won, lost or void.

    Attributes:
        id: A slug that history and reports keep: ``"no_answer"``.
        label: What people read, by default the id; it is copied into each close record.

    >>> CloseReason("no_answer", "Не отвечает").label, CloseReason("price").label
    ('Не отвечает', 'price')
    """

    id: str
    label: str = attrs.field(default=attrs.Factory(lambda self: self.id, takes_self=True))
