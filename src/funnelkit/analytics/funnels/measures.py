"""The funnels of `Analytics`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Unpack, get_args

from funnelkit.analytics.funnels import funnel as funnels
from funnelkit.analytics.funnels import stages
from funnelkit.analytics.funnels.converting import TimeToConvert, time_to_convert
from funnelkit.analytics.funnels.planning import between_of, planned
from funnelkit.analytics.funnels.plans import DEFINITIONS, Anchor, DefinitionName, Exclusion, Policy, Ties
from funnelkit.analytics.funnels.trend import Every, FunnelTrend, funnel_trend
from funnelkit.analytics.measured import Axis, Measured
from funnelkit.analytics.scope import Filters, Period, refuse
from funnelkit.clock import duration

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
        given = _given(
            steps=steps,
            within=within,
            window=window,
            anchor=anchor,
            ties=ties,
            exclusions=tuple(exclusions),
            policy=policy,
            held=held,
            entered=entered,
            attribution=attribution,
            closed=closed,
        )
        scope = self._scope(pipeline, filters, closed)
        plan = planned(DEFINITIONS[definition], scope, given)
        axis: Axis = "closed" if definition == "closed" else "created"
        return self._measured(partial(funnels.measure, plan=plan), scope, axis)

    def time_to_convert(  # noqa: D417 (arguments that go together share a line)
        self,
        pipeline: str | None = None,
        *,
        start: str | None = None,
        end: str | None = None,
        steps: Sequence[str] | None = None,
        window: timedelta | str | None = None,
        anchor: Anchor = "any",
        ties: Ties = "log_order",
        exclusions: Sequence[Exclusion] = (),
        policy: Policy = "end_attempt",
        entered: Period | None = None,
        width: timedelta | str | None = None,
        **filters: Unpack[Filters],
    ) -> TimeToConvert:
        """Measure how long records take from one step of an ordered funnel to another.

        Times are of the attempt that is counted: inside the window, in the order of the steps.

        Args:
            pipeline: Its id.
            start: The name of the row from which time is taken; default: the first.
            end: The name of the row up to which it is taken; default: the last.
            steps, window, anchor, ties, exclusions, policy: As of an ordered `funnel`.
            entered: As of an ordered `funnel`.
            width: Of a bar of the histogram; default: one that gives at most 20 bars.
            **filters: See `Filters`.

        Quantiles are exact, though no list of times leaves the database: it ranks them and returns the
        wanted ranks.

        Raises:
            InputError: As `funnel`; ``start`` is not before ``end``.
        """
        scope = self._scope(pipeline, filters)
        given = _given(
            steps=steps,
            window=window,
            anchor=anchor,
            ties=ties,
            exclusions=tuple(exclusions),
            policy=policy,
            entered=entered,
        )
        plan = planned(DEFINITIONS["ordered"], scope, given)
        between = between_of(plan, start, end)
        width_us = None if width is None else duration(width, "width") // timedelta(microseconds=1)
        metric = partial(time_to_convert, plan=plan, between=between, width_us=width_us)
        return self._measured(metric, scope, "created")

    def funnel_trend(  # noqa: D417 (arguments that go together share a line)
        self,
        pipeline: str | None = None,
        *,
        window: timedelta | str,
        every: Every = "month",
        steps: Sequence[str] | None = None,
        ties: Ties = "log_order",
        exclusions: Sequence[Exclusion] = (),
        policy: Policy = "end_attempt",
        entered: Period | None = None,
        **filters: Unpack[Filters],
    ) -> FunnelTrend:
        """Follow the conversion of an ordered funnel over the periods in which records took the first step.

        Args:
            pipeline: Its id.
            window: How long everybody has from the first entry; it also tells which periods are complete.
            every: ``"day"``, ``"week"`` (from Monday), ``"month"`` or ``"quarter"``, of the zone.
            steps, ties, exclusions, policy, entered: As of an ordered `funnel` whose window starts with
                the first entry.
            **filters: See `Filters`.

        Raises:
            InputError: As `funnel`; no such period.
        """
        if every not in get_args(Every):
            refuse("every", every, get_args(Every), "is no period")
        scope = self._scope(pipeline, filters)
        given = _given(
            steps=steps,
            window=window,
            anchor="first",
            ties=ties,
            exclusions=tuple(exclusions),
            policy=policy,
            entered=entered,
        )
        plan = planned(DEFINITIONS["ordered"], scope, given)
        return self._measured(partial(funnel_trend, plan=plan, every=every), scope, "created")

    def entries(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> stages.Entries:
        """Count every time that a record came to a stage; ratios to the stage before may be above one."""
        return self._measured(stages.entries, self._scope(pipeline, filters), "created")

    def direct_moves(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> stages.DirectMoves:
        """Count, of those who were ever on a stage, who went from it to the very next one."""
        return self._measured(stages.direct_moves, self._scope(pipeline, filters), "created")


_USUAL = {
    "anchor": "any",
    "ties": "log_order",
    "policy": "end_attempt",
    "attribution": "each",
    "exclusions": (),
}


def _given(**arguments: Any) -> dict[str, Any]:
    """Return what was really asked for: what is as usual is left out."""
    return {name: value for name, value in arguments.items() if value != _USUAL.get(name)}
