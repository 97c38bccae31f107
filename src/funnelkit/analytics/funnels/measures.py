"""The funnels of `Analytics`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Unpack

from funnelkit.analytics.funnels import funnel as funnels
from funnelkit.analytics.funnels.planning import planned
from funnelkit.analytics.funnels.plans import DEFINITIONS, Anchor, DefinitionName, Exclusion, Policy, Ties
from funnelkit.analytics.measured import Axis, Measured
from funnelkit.analytics.scope import Filters, Period, refuse

__all__ = ["FunnelMeasures"]


class FunnelMeasures(Measured):
    """How many records got how far."""

    def funnel(
        self,
        pipeline: str | None = None,
        *,
        definition: DefinitionName = "reached",
        steps: Sequence[str] | None = None,
        within: timedelta | str | None = None,
        window: timedelta | str | None = None,
        anchor: Anchor = "any",
        ties: Ties = "log_order",
        exclusions: Sequence[Exclusion] = (),
        policy: Policy = "end_attempt",
        held: str | None = None,
        entered: Period | None = None,
        attribution: str = "each",
        closed: Period | None = None,
        **filters: Unpack[Filters],
    ) -> funnels.Funnel:
        """Count how many records got how far.

        Args:
            pipeline: Its id.
            definition: What "got" means. Of stages: ``"reached"`` (furthest stage; never rises from one
                row to the next), ``"visited"``, ``"bitrix24"``, ``"all_previous"``, ``"closed"``. Of
                steps: ``"ordered"``, ``"strict"``, ``"unordered"``, ``"attempts"``.
            steps: Stages, or ``"won"``, in the order asked for; default: all.
            within: Of ``"reached"``: count what a record reached up to this age, included; a record's age is
                the time since its creation. Younger records have not had that long yet: give ``created``
                a period that ended as long ago, and all of them have.
            window: The longest time from the first step to the last, included.
            anchor: Of ``"ordered"`` and ``"strict"``: whether any entry into the first step may start the
                window, or only the first one.
            ties: Of ``"ordered"`` and ``"attempts"``: what comes first of what happened at one instant:
                what was written first (``"log_order"``), the earlier step (``"step_order"``), or nothing
                (``"strict_increase"``: a later step has a later time).
            exclusions: Of ``"ordered"`` and ``"attempts"``: stages that must not come in between.
            policy: Of ``"ordered"``: whether such a stage ends the attempt, which keeps the steps it had
                (``"end_attempt"``), or takes a record that has not yet done all steps out of all of them
                (``"discard_entity"``).
            held: Of steps: the unit is not a record but a record with one value of this (a name as in
                ``by``); all steps must be done under the same value.
            entered: Only records whose first row falls into this period; what follows may lie after it.
            attribution: Of a funnel with ``by``: which value counts. That of ``"each"`` row; that of the
                ``"first"`` or of the ``"last"`` row for all rows; that of a step, by the name of its row
                (records that did not come there are left out); or each value of ``"all"`` rows, where a
                record stands in several groups, which do not add up.
            closed: Of ``"closed"``: only records closed in this period.
            **filters: See `Filters`.

        Every definition is worked out in one pass over the rows of the pipeline, sorted by record; of
        steps, one more for the rows of each step: linear in steps.

        Raises:
            InputError: An unknown pipeline, definition, step or filter; an argument that belongs to
                another definition.
        """
        if definition not in DEFINITIONS:
            refuse("definition", definition, DEFINITIONS, "is not a definition of a funnel")
        given: dict[str, Any] = {
            "steps": steps,
            "within": within,
            "window": window,
            "anchor": anchor if anchor != "any" else None,
            "ties": ties if ties != "log_order" else None,
            "exclusions": exclusions or None,
            "policy": policy if policy != "end_attempt" else None,
            "held": held,
            "entered": entered,
            "attribution": attribution if attribution != "each" else None,
            "closed": closed,
        }
        scope = self._scope(pipeline, filters, closed)
        plan = planned(DEFINITIONS[definition], scope, given)
        axis: Axis = "closed" if definition == "closed" else "created"
        return self._measured(partial(funnels.measure, plan=plan), scope, axis)
