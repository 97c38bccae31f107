"""People, as methods of `Analytics`."""

from __future__ import annotations

from typing import Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.people import closings
from funnelkit.analytics.scope import Filters, Period
from funnelkit.errors import InputError

__all__ = ["PeopleMeasures"]


class PeopleMeasures(Measured):
    """What people closed."""

    def people(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> closings.People:
        """Measure what each owner (at the time of closing) won and lost."""
        if filters.get("by") not in (None, "owner"):
            raise InputError("by", "people are always by owner", "leave it out")
        filters["by"] = "owner"
        return closings.people(self._source, self._scope(pipeline, filters, closed))
