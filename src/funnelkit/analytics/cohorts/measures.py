"""Cohorts, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Unpack

from funnelkit.analytics.cohorts import conversion, leads
from funnelkit.analytics.cohorts.lives import Void, horizons_of
from funnelkit.analytics.measured import Measured
from funnelkit.analytics.scope import Filters

__all__ = ["CohortMeasures"]

HORIZONS = ("30d", "90d")


class CohortMeasures(Measured):
    """What becomes of records by a given age."""

    def cohort_conversion(
        self,
        pipeline: str | None = None,
        *,
        horizons: Sequence[timedelta | str] = HORIZONS,
        unit: timedelta | str = "1h",
        void: Void = "outside",
        **filters: Unpack[Filters],
    ) -> conversion.CohortConversion:
        """Estimate how many of a cohort are won, lost or still open by a given age.

        The share won so far falls toward now, for young records had no time yet. Here an open record
        counts for as long as it was watched (Aalen-Johansen), so cohorts of unlike age can be compared.
        A cohort that nobody has watched for so long gets no number.

        Args:
            pipeline: Its id.
            horizons: The ages, for example ``("30d", "90d")``.
            unit: Ages are rounded up to whole units, an hour by default: what ended within one ended
                together, before who was last seen open in it. Horizons are whole units.
            void: ``"outside"`` leaves void records out; ``"competing"`` makes them one more end.
            **filters: See `Filters`. With ``by="month"`` or ``"quarter"`` cohorts are by creation.

        Raises:
            InputError: An unknown pipeline or filter, a horizon that is no whole number of units.

        >>> from funnelkit.analytics import Analytics, Shape
        >>> from funnelkit.storage import MemoryStore
        >>> sales = Shape(pipeline="sales", stages=(("new", "New"),))
        >>> row = Analytics(MemoryStore(), [sales]).cohort_conversion(horizons=["30d"]).rows[0]
        >>> row.won.value is None, row.reason
        (True, 'nobody was created')
        """
        scope = self._scope(pipeline, filters)
        return conversion.cohort_conversion(self._source, scope, horizons_of(horizons, unit, void))

    def cohort_losses(
        self,
        pipeline: str | None = None,
        *,
        horizons: Sequence[timedelta | str] = HORIZONS,
        unit: timedelta | str = "1h",
        void: Void = "outside",
        **filters: Unpack[Filters],
    ) -> conversion.LossChances:
        """Estimate how many of a cohort are lost for each reason by a given age.

        The same estimate as `cohort_conversion` with one end for each reason; the chances of all
        reasons add up to its chance of a loss.
        """
        scope = self._scope(pipeline, filters)
        return conversion.loss_chances(self._source, scope, horizons_of(horizons, unit, void))

    def lead_conversion(
        self, pipeline: str | None = None, **filters: Unpack[Filters]
    ) -> leads.LeadConversions:
        """Count leads that became deals, of all leads; a lead with several deals counts once.

        ``pipeline`` is one of leads. How soon they are converted is what `cohort_conversion` of the same
        pipeline says.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> inbox = Pipeline("inbox", [Stage("fresh")], kind="lead")
        >>> engine = Engine(Pipeline("sales", [Stage("new")]), inbox)
        >>> done = engine.convert(engine.capture("Anna"))
        >>> _ = engine.capture("Boris")
        >>> print(engine.analytics.lead_conversion("inbox").rows[0].converted)
        50 % (9-91) of 2
        """
        return self._measured(leads.lead_conversion, self._scope(pipeline, filters), "created")
