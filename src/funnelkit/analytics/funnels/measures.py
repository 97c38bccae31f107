"""The funnels of `Analytics`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Literal, Unpack

from funnelkit.analytics.funnels import funnel as funnels
from funnelkit.analytics.funnels.plans import DEFINITIONS, DefinitionName, Plan
from funnelkit.analytics.measured import Axis, Measured
from funnelkit.analytics.scope import ALWAYS, Filters, Period, Scope, refuse
from funnelkit.clock import duration
from funnelkit.errors import InputError

__all__ = ["FunnelMeasures"]


class FunnelMeasures(Measured):
    """How many records got how far."""

    def funnel(
        self,
        pipeline: str | None = None,
        *,
        definition: DefinitionName = "reached",
        steps: Sequence[str] | None = None,
        window: timedelta | str | None = None,
        anchor: Literal["any", "first"] = "any",
        closed: Period | None = None,
        **filters: Unpack[Filters],
    ) -> funnels.Funnel:
        """Count how many records got how far.

        Args:
            pipeline: Its id.
            definition: What "got" means: ``"reached"`` (furthest stage; never rises from one row to
                the next), ``"visited"``, ``"bitrix24"``, ``"ordered"`` or ``"closed"``.
            steps: Of ``"ordered"``: stages, or ``"won"``, in the order asked for; default: all.
            window: Of ``"ordered"``: the longest time from the first step to the last, included.
            anchor: Of ``"ordered"``: whether any entry into the first step may start the window, or
                only the first one.
            closed: Of ``"closed"``: only records closed in this period.
            **filters: See `Filters`.

        Raises:
            InputError: An unknown pipeline, definition, step or filter; an argument that belongs to
                another definition.
        """
        if definition not in DEFINITIONS:
            refuse("definition", definition, DEFINITIONS, "is not a definition of a funnel")
        if definition != "ordered" and (steps is not None or window is not None or anchor != "any"):
            raise InputError("definition", "steps, window and anchor are for an ordered funnel", '"ordered"')
        if definition != "closed" and closed is not None:
            raise InputError("definition", "closed is for a funnel of closed records", '"closed"')
        scope = self._scope(pipeline, filters, closed)
        plan = Plan(
            definition=DEFINITIONS[definition],
            places=_steps(scope, steps),
            within_us=_microseconds(window),
            anchor=anchor,
        )
        axis: Axis = "closed" if definition == "closed" else "created"
        return self._measured(partial(funnels.measure, plan=plan), scope, axis)


def _microseconds(window: timedelta | str | None) -> int:
    return ALWAYS[1] if window is None else duration(window, "window") // timedelta(microseconds=1)


def _steps(scope: Scope, steps: Sequence[str] | None) -> tuple[str, ...]:
    known = scope.shape.places
    if steps is None:
        return known
    if not steps:
        raise InputError("steps", "are empty", "leave them out for all stages")
    for step in steps:
        if step not in known:
            refuse("steps", step, known, f"is not a stage of {scope.shape.pipeline}")
    return tuple(steps)
