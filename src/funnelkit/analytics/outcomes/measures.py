"""Win rates, reasons of losses, and what goes with winning, as methods of `Analytics`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.outcomes import correlations, rates, reasons
from funnelkit.analytics.scope import Filters, Period, features_of
from funnelkit.analytics.significance import check_findings
from funnelkit.errors import InputError

__all__ = ["OutcomeMeasures"]

_USUAL = ("source", "campaign", "repeat")


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

    def correlations(
        self,
        pipeline: str | None = None,
        *,
        features: Sequence[str] = _USUAL,
        minimum: int = 30,
        level: float = 0.05,
        closed: Period | None = None,
        **filters: Unpack[Filters],
    ) -> correlations.Correlations:
        """Find which values of what is known of records go together with winning, and which with losing.

        A row a value: the win rate with it and without it, the ratio of the odds with its interval, and which
        findings are to be believed, so many values being looked at. What goes together is not cause and
        effect; and open records are not seen, so of the young only those decided soon are.

        Args:
            pipeline: Its id.
            features: What records are compared by: ``"owner"``, ``"source"``, ``"campaign"``,
                ``"repeat"``, as of the closing; ``"custom.<name>"``, as of then. For people there is
                `compare_people`, which knows of their mix of work.
            minimum: With fewer closed records with a value, or without it, nothing is claimed.
            level: The share of false alarms that is accepted among what is said to go together.
            closed: Only records closed in this period.
            **filters: See `Filters`. Rows are by feature, always.

        Raises:
            InputError: No such feature, ``by`` is given, or a ``minimum`` or ``level`` out of range.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> engine = Engine(Pipeline("sales", [Stage("new")]))
        >>> for n, source in enumerate(["web"] * 4 + ["fair"] * 5):
        ...     deal = engine.create(f"Deal {n}", source=source)
        ...     deal = engine.win(deal) if n in (0, 1, 2, 4) else engine.lose(deal)
        >>> web, fair = engine.analytics.correlations(features=["source"], minimum=1).rows
        >>> web.won, web.lost, web.others_won, web.others_lost, web.odds_ratio, round(web.q, 3)
        (3, 1, 1, 4, 5.0, 0.206)
        """
        if filters.get("by") is not None:
            raise InputError("by", "correlations are not grouped", "say in features what to look at")
        check_findings(minimum, level)
        scope = self._scope(pipeline, filters, closed)
        compared = features_of(features)
        if not compared:
            raise InputError("features", "there are none", 'give ["source"]')
        return correlations.correlations(self._source, scope, compared, minimum, level)
