"""`Transition`: one allowed move, for pipelines that list their moves one by one."""

from __future__ import annotations

from typing import Any

import attrs

from funnelkit.stages.rules import Rule
from funnelkit.stages.stage import one_or_many

__all__ = ["ANY", "Transition"]

ANY = "*"
"""As a source: every stage."""


def _sources(value: Any) -> Any:
    return value if isinstance(value, str) else one_or_many(value)


@attrs.frozen(repr=False)
class Transition:
    """A move that is allowed; several for the same move are tried in the order of declaration.

    Attributes:
        source: The stage left, several of them, or ``"*"`` for every stage but the target.
        target: The stage entered; or ``"won"``, which then can be reached in no other way; or
            ``"lost"`` or ``"void"``, to give that close a name.
        name: What people call the move (``"send_offer"``); it can be asked for by that name.
        rules: Asked when this transition is taken.

    >>> Transition(("new", "call"), "offer", name="send_offer")
    Transition(('new', 'call'), 'offer', name='send_offer')
    """

    source: str | tuple[str, ...] = attrs.field(converter=_sources)
    target: str
    name: str = attrs.field(default="", kw_only=True)
    rules: tuple[Rule, ...] = attrs.field(default=(), kw_only=True, converter=one_or_many)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources as a tuple."""
        return (self.source,) if isinstance(self.source, str) else self.source

    def __repr__(self) -> str:
        named = f", name={self.name!r}" if self.name else ""
        ruled = f", rules={self.rules!r}" if self.rules else ""
        return f"Transition({self.source!r}, {self.target!r}{named}{ruled})"
