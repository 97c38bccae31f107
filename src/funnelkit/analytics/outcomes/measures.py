"""Win rates and reasons of losses, as methods of `Analytics`."""

from __future__ import annotations

from typing import Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.outcomes import rates, reasons
from funnelkit.analytics.scope import Filters, Period

__all__ = ["OutcomeMeasures"]


class OutcomeMeasures(Measured):
    """How it ended."""

    def win_rate(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> rates.WinRates:
        """Measure won of won and lost, by date of closing. Open records are not seen."""
        return self._measured(rates.win_rates, self._scope(pipeline, filters, closed), "closed")

    def cohort_win_rate(
        self, pipeline: str | None = None, **filters: Unpack[Filters]
    ) -> rates.CohortWinRates:
        """Measure won so far of all created, by date of creation. Incomplete while some are open."""
        return self._measured(rates.cohort_win_rates, self._scope(pipeline, filters), "created")

    def loss_reasons(
        self, pipeline: str | None = None, *, closed: Period | None = None, **filters: Unpack[Filters]
    ) -> reasons.LossReasons:
        """Count why records were lost, by the stage they died on; ``closed`` is the period."""
        return self._measured(reasons.loss_reasons, self._scope(pipeline, filters, closed), "closed")
