"""`Analytics`: every metric as a method, over anything that answers a SELECT."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, timedelta, tzinfo
from functools import partial
from typing import Any, Literal, TypeVar, Unpack, cast

import attrs

from funnelkit.analytics import flow, outcomes, stock, times
from funnelkit.analytics import funnel as funnels
from funnelkit.analytics.credits import DEFINITIONS, DefinitionName, Plan
from funnelkit.analytics.result import Result
from funnelkit.analytics.scope import ALWAYS, Filters, Period, Scope, Shape, refuse, resolve
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.clock import Clock, duration
from funnelkit.errors import InputError

__all__ = ["Analytics"]

Answer = TypeVar("Answer", bound=Result[Any])
Axis = Literal["created", "closed"]


class Analytics:
    """What happened in the pipelines, counted from the ledger.

    Every method takes the pipeline's id (it can be left out when there is only one) and the keyword
    arguments of `Filters`: ``as_of``, ``created``, ``owner``, ``source``, ``campaign``,
    ``repeat``, ``custom``, ``by``. Every result says what it means (``result.about``), prints as a
    table and lists the records behind a cell (``result.ids(...)``).

    Args:
        source: Answers a SELECT over the tables of a store: any store of funnelkit.
        shapes: The pipelines.
        clock: What ``as_of`` is when it is not given.
        zone: The time zone of months, quarters and plain dates.

    >>> from funnelkit.clock import SystemClock
    >>> from funnelkit.storage import MemoryStore
    >>> sales = Shape(pipeline="sales", stages=(("new", "New"), ("offer", "Offer")))
    >>> Analytics(MemoryStore(), [sales], SystemClock()).funnel().counts()
    {'new': 0, 'offer': 0, 'won': 0}
    """

    def __init__(self, source: Source, shapes: Iterable[Shape], clock: Clock, zone: tzinfo = UTC) -> None:
        self._source = source
        self._shapes = {shape.pipeline: shape for shape in shapes}
        self._clock = clock
        self._zone = zone

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

    def transitions(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> flow.Transitions:
        """Count the moves between every pair of places, creations, closings and reopenings too."""
        return self._measured(flow.transitions, self._scope(pipeline, filters), "created")

    def time_in_stage(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> times.TimeInStage:
        """Measure how long records stay on each stage: closed stays, and Kaplan-Meier with open ones."""
        return self._measured(times.time_in_stage, self._scope(pipeline, filters), "created")

    def days_to_win(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> times.DaysToWin:
        """Measure the time from creation to win; ``closed`` is the period of the wins."""
        return self._measured(times.days_to_win, self._scope(pipeline, filters, closed), "closed")

    def win_rate(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> outcomes.WinRates:
        """Measure won of won and lost, by date of closing. Open records are not seen."""
        return self._measured(outcomes.win_rates, self._scope(pipeline, filters, closed), "closed")

    def cohort_win_rate(
        self, pipeline: str | None = None, **filters: Unpack[Filters]
    ) -> outcomes.CohortWinRates:
        """Measure won so far of all created, by date of creation. Incomplete while some are open."""
        return self._measured(outcomes.cohort_win_rates, self._scope(pipeline, filters), "created")

    def loss_reasons(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> outcomes.LossReasons:
        """Count why records were lost, by the stage they died on; ``closed`` is the period."""
        return self._measured(outcomes.loss_reasons, self._scope(pipeline, filters, closed), "closed")

    def people(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> outcomes.People:
        """Measure what each owner (at the time of closing) won and lost."""
        if filters.get("by") not in (None, "owner"):
            raise InputError("by", "people are always by owner", "leave it out")
        filters["by"] = "owner"
        return outcomes.people(self._source, self._scope(pipeline, filters, closed))

    def potential(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> stock.Potential:
        """Add up the open records by stage: number, value per currency, value weighted by chance."""
        return self._measured(stock.potential, self._scope(pipeline, filters), "created")

    def _scope(self, pipeline: str | None, filters: Filters, closed: Period | None = None) -> Scope:
        return resolve(self._shapes, pipeline, filters, now=self._clock.now, zone=self._zone, closed=closed)

    def _measured(self, metric: Callable[[Source, Scope], Answer], scope: Scope, axis: Axis) -> Answer:
        """Return the metric; by month or quarter, one query a period, put together."""
        if scope.by == scope.column:
            return metric(self._source, scope)
        ((low, high),) = rows_of(self._source, compose(f"span_{axis}"), scope.params())
        asked = scope.created if axis == "created" else scope.closed
        parts: dict[str, Result[Any]] = {}
        for name, (start, end) in scope.buckets(low, high) if low >= 0 else ():
            period = max(start, asked[0]), min(end, asked[1])
            if axis == "created":
                part = attrs.evolve(scope, by=None, created=period)
            else:
                part = attrs.evolve(scope, by=None, closed=period)
            parts[name] = metric(self._source, part)
        whole = metric(self._source, attrs.evolve(scope, by=None))
        about = attrs.evolve(whole.about, by=scope.by or "", quality={})
        return cast("Answer", type(whole).joined(about, parts))


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
