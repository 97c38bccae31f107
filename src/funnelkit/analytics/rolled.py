"""Sums that a store keeps beside its ledger: where it has them, and they can tell, nothing is scanned."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from funnelkit.analytics.funnels.plans import Credit, Plan
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Source

__all__ = ["RollingUp", "closings", "credits_of", "holders", "moves", "stock"]

Kind = Literal["moves", "lifts", "closings", "stock", "holders"]
_BY = (None, "owner", "source")


class RollingUp(Protocol):
    """A source that keeps sums of its ledger. Any source may be one.

    The metrics ask for the method ``rolled``, and scan where there is none or where it answers None.
    """

    def rolled(self, **asked: Any) -> list[tuple[Any, ...]] | None:
        """Return sums, or None where they cannot be told exactly.

        Args:
            asked: ``kind``: what is summed; ``pipeline``; ``as_of_us``: no later row may be known;
                ``period``: of creation, or of the closing, in microseconds; ``owner``, ``source``: only of
                these, None for all; ``by``: grouped by ``"owner"``, ``"source"`` or None.

        Returns:
            ``(key, (a, b, c, d, currency), records, total)``. What ``a`` to ``d`` are depends on the kind.
            ``moves``: pipeline and place left, pipeline and place entered; of records that are not void.
            ``lifts``: how far before and after, and ``all``, as if a record had been of one group all its
            life; ``before`` and ``first`` put right whose it was at the lift before, and at the first.
            ``closings``: the outcome; of those that stand. ``stock``: the stage; of open records.
            ``holders``: nothing; groups that records may be in without being lifted in them.
        """
        ...


def moves(source: Source, scope: Scope) -> list[tuple[Any, ...]] | None:
    """Return the rows of ``flow/moves``, or None."""
    found = _rolled(source, scope, "moves", scope.created)
    return found and [(key, *told[:4], records) for key, told, records, _ in found]


def stock(source: Source, scope: Scope, instant: int) -> list[tuple[Any, ...]] | None:
    """Return the rows of ``parts/stock`` as of now, or None."""
    if instant != scope.as_of_us:
        return None
    found = _rolled(source, scope, "stock", scope.created)
    return found and [(key, told[0], told[4], records, total) for key, told, records, total in found]


def closings(source: Source, scope: Scope) -> list[tuple[Any, ...]] | None:
    """Return the rows of ``parts/outcomes``, or None."""
    if scope.created != ALWAYS:
        return None
    found = _rolled(source, scope, "closings", scope.closed)
    return found and [(key, told[0], told[4], records, total) for key, told, records, total in found]


def credits_of(source: Source, scope: Scope, plan: Plan) -> list[Credit] | None:
    """Return the credits of a reached funnel, or None."""
    if plan.horizon_us != ALWAYS[1]:
        return None
    found = _rolled(source, scope, "lifts", scope.created)
    if found is None:
        return None
    order = {place: n for n, place in enumerate(plan.places, 1)} | {"": 0}
    return [
        (*_credit(order[before], order[after], key, role), -1, code, records, total)
        for key, (before, after, role, _, code), records, total in found
    ]


def holders(source: Source, scope: Scope) -> set[str] | None:
    """Return groups that records may be in beside those that they were credited to, or None."""
    found = _rolled(source, scope, "holders", scope.created)
    return None if found is None else {key for key, *_ in found}


def _credit(low: int, high: int, key: str, role: str) -> tuple[Any, ...]:
    """Return whose a credit is: its own group's, that of the lift before, that of the first one."""
    if role == "all":
        return low, high, key, 1, key, int(low > 0), key, 1
    if role == "before":
        return low, high, "", 0, key, 1, "", 0
    return low, high, "", 0, "", 0, key, 1


def _rolled(
    source: Source, scope: Scope, kind: Kind, period: tuple[int, int]
) -> list[tuple[Any, ...]] | None:
    ask = getattr(source, "rolled", None)
    others = scope.custom or scope.campaign is not None or scope.repeat is not None
    if ask is None or others or scope.column not in _BY:
        return None
    found: list[tuple[Any, ...]] | None = ask(
        kind=kind,
        pipeline=scope.shape.pipeline,
        as_of_us=scope.as_of_us,
        period=period,
        owner=scope.owner,
        source=scope.source,
        by=scope.column,
    )
    return found
