"""What every family of metrics stands on: a source, the shapes of the pipelines, a clock and a zone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from typing import Any, Literal, TypeVar, cast

import attrs

from funnelkit.analytics.result import Result
from funnelkit.analytics.scope import Filters, Period, Scope, Shape, resolve
from funnelkit.analytics.shapes import shapes_of
from funnelkit.analytics.sources import source_of
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.clock import Clock, SystemClock

__all__ = ["Axis", "Measured"]

Answer = TypeVar("Answer", bound=Result[Any])
Axis = Literal["created", "closed"]


class Measured:
    """The base of `Analytics`: each family of metrics adds its methods to it."""

    def __init__(
        self,
        source: Any,
        shapes: Iterable[Shape] | None = None,
        clock: Clock | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self._source = source_of(source)
        known = shapes_of(self._source) if shapes is None else shapes
        self._shapes = {shape.pipeline: shape for shape in known}
        self._clock = clock or SystemClock()
        self._zone = zone

    def _scope(self, pipeline: str | None, filters: Filters, closed: Period | None = None) -> Scope:
        """Return the resolved arguments of a metric."""
        return resolve(self._shapes, pipeline, filters, now=self._clock.now, zone=self._zone, closed=closed)

    def _measured(self, metric: Callable[[Source, Scope], Answer], scope: Scope, axis: Axis) -> Answer:
        """Return the metric; by month or quarter, one query a period, put together."""
        if scope.by == scope.column:
            return metric(self._source, scope)
        ((low, high),) = rows_of(self._source, compose(f"spans/{axis}"), scope.params())
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
