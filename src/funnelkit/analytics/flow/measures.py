"""Moves and stock, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import partial
from typing import Unpack

from funnelkit.analytics.flow import paths, potential, stocks, transitions
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters, Period, bounds_of
from funnelkit.errors import InputError, shown

__all__ = ["FlowMeasures"]


class FlowMeasures(Measured):
    """Who went from where to where, and what is on the table."""

    def transitions(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> transitions.Transitions:
        """Count the moves between every pair of places, creations, closings and reopenings too."""
        return self._measured(transitions.transitions, self._scope(pipeline, filters), "created")

    def potential(self, pipeline: str | None = None, **filters: Unpack[Filters]) -> potential.Potential:
        """Add up the open records by stage: number, value per currency, value weighted by chance."""
        return self._measured(potential.potential, self._scope(pipeline, filters), "created")

    def stock(
        self,
        pipeline: str | None = None,
        *,
        at: datetime | date | Iterable[datetime | date] | None = None,
        **filters: Unpack[Filters],
    ) -> stocks.Stock:
        """Count the records open on each stage at an instant, or at each of several, with their values.

        Args:
            pipeline: Its id.
            at: One instant or many, none after ``as_of``; a plain date is its midnight in the zone;
                default: ``as_of``.
            filters: See `Filters`. ``as_of`` says what is known: a record found void later was nowhere.

        >>> from funnelkit.analytics import Analytics, Shape
        >>> from funnelkit.storage import MemoryStore
        >>> sales = Shape(pipeline="sales", stages=(("new", "New"), ("offer", "Offer")))
        >>> metrics = Analytics(MemoryStore(), [sales])
        >>> [(row.stage, row.count) for row in metrics.stock(at=date(2026, 3, 1)).rows]
        [('new', 0), ('offer', 0)]
        """
        scope = self._scope(pipeline, filters)
        instants = stocks.instants_of(scope, at)
        return self._measured(partial(stocks.stock, instants=instants), scope, "created")

    def flow(self, pipeline: str | None = None, *, period: Period, **filters: Unpack[Filters]) -> stocks.Flow:
        """Count who was on each stage before a period, who came, who left and who is there at its end.

        Args:
            pipeline: Its id.
            period: From (included) to (excluded); plain dates are midnights, None is no bound.
            filters: See `Filters`.

        >>> from funnelkit.analytics import Analytics, Shape
        >>> from funnelkit.storage import MemoryStore
        >>> sales = Shape(pipeline="sales", stages=(("new", "New"), ("offer", "Offer")))
        >>> metrics = Analytics(MemoryStore(), [sales])
        >>> march = metrics.flow(period=(date(2026, 3, 1), date(2026, 4, 1)))
        >>> [(row.start, row.entered, row.left, row.end) for row in march.rows]
        [(0, 0, 0, 0), (0, 0, 0, 0)]
        """
        scope = self._scope(pipeline, filters)
        bounds = bounds_of(period, "period", self._zone)
        return self._measured(partial(stocks.flow, bounds=bounds), scope, "created")

    def variants(
        self, pipeline: str | None = None, *, top: int = 10, **filters: Unpack[Filters]
    ) -> paths.Paths:
        """Count the records of each path, the most frequent first.

        Args:
            pipeline: Its id.
            top: How many paths of each group.
            filters: See `Filters`.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> for name in ("Acme", "Beta"):
        ...     deal = engine.win(engine.create(name))
        >>> [(row.path, row.count) for row in engine.analytics.variants().rows]
        [('new > won', 2)]
        """
        if not isinstance(top, int) or top < 1:
            raise InputError("top", f"{shown(top)} is no number of paths", "ask for at least one path")
        return self._measured(partial(paths.paths, top=top), self._scope(pipeline, filters), "created")

    def sankey(
        self, pipeline: str | None = None, *, steps: int | None = None, **filters: Unpack[Filters]
    ) -> paths.Sankey:
        """Count the links of a sankey picture: ``rows`` are the links, ``nodes`` the places.

        Args:
            pipeline: Its id.
            steps: Tell the first so many steps of a record apart; default: a place is one node.
            filters: See `Filters`.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
        >>> deal = engine.move(engine.create("Acme"), "offer")
        >>> [(link.source, link.target, link.count) for link in engine.analytics.sankey().rows]
        [('(start)', 'new', 1), ('new', 'offer', 1), ('offer', '(open)', 1)]
        """
        if steps is not None and (not isinstance(steps, int) or steps < 1):
            raise InputError("steps", f"{shown(steps)} is no number of steps", "leave it out for all of them")
        return self._measured(partial(paths.sankey, steps=steps), self._scope(pipeline, filters), "created")
