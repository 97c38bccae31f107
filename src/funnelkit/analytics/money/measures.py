"""Costs and what came of them, as methods of `Analytics`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Unpack

from funnelkit.analytics.measured import Measured
from funnelkit.analytics.money import attribution, economics
from funnelkit.analytics.scope import Filters, Period, Scope, refuse
from funnelkit.errors import InputError, shown
from funnelkit.money import Money

__all__ = ["MoneyMeasures"]


class MoneyMeasures(Measured):
    """What clients cost, and what they bring."""

    def stage_costs(
        self, costs: economics.Costs, pipeline: str | None = None, **filters: Unpack[Filters]
    ) -> economics.StageCosts:
        """Measure what it cost to bring a record to each stage, by source or campaign.

        Args:
            costs: Group → currency → what was spent on the records created in the period, such as
                ``{source.id: source.spent(since, until)}``.
            pipeline: Its id.
            **filters: See `Filters`; ``created`` is the period that was paid for, ``by`` what the names in
                ``costs`` are: ``"source"`` if left out.

        Raises:
            InputError: ``costs`` is not of money by group and currency, or ``by`` is a period.
        """
        return economics.stage_costs(self._source, self._cohort(pipeline, filters), _costs(costs))

    def unit_economics(
        self,
        costs: economics.Costs,
        pipeline: str | None = None,
        *,
        margin: Decimal | None = None,
        **filters: Unpack[Filters],
    ) -> economics.UnitEconomics:
        """Set what was spent on cohorts beside what their clients brought: CAC, ROMI, LTV, payback.

        Who a record's client is, is known as of now only; all else is as of ``as_of``.

        Args:
            costs: Group → currency → what was spent on the records created in the period.
            pipeline: Its id.
            margin: The part of revenue that is earned, 0 to 1. Left out, everything is of revenue, and
                the result says so.
            **filters: See `Filters`; ``created`` is the period that was paid for, ``by`` what the names in
                ``costs`` are: ``"source"`` if left out.

        Raises:
            InputError: ``costs`` is not of money by group and currency, ``margin`` is no part, or ``by``
                is a period.
        """
        if margin is not None and not (isinstance(margin, Decimal) and 0 <= margin <= 1):
            raise InputError("margin", f"{shown(margin)} is no part of revenue", 'give Decimal("0.35")')
        return economics.unit_economics(self._source, self._cohort(pipeline, filters), _costs(costs), margin)

    def attribution(
        self,
        pipeline: str | None = None,
        *,
        rule: attribution.Rule = "linear",
        closed: Period | None = None,
        as_of: Any = None,
    ) -> attribution.Attribution:
        """Share wins out over the sources of all inquiries that led to them, by five rules.

        Args:
            pipeline: Its id.
            rule: By which the values are shared out: ``"first"``, ``"last"``, ``"linear"``,
                ``"position"`` or ``"markov"``. The numbers of wins are given by all of them.
            closed: Only wins of this period.
            as_of: What was known then; who a record's client is, is known as of now only.

        Raises:
            InputError: There is no such rule.
        """
        if rule not in attribution.RULES:
            refuse("rule", rule, attribution.RULES, "is no rule")
        scope = self._scope(pipeline, {"as_of": as_of, "by": "source"}, closed)
        return attribution.attribution(self._source, scope, rule)

    def _cohort(self, pipeline: str | None, filters: Filters) -> Scope:
        if filters.get("by") is None:
            filters["by"] = "source"
        scope = self._scope(pipeline, filters)
        if scope.by != scope.column:
            raise InputError("by", f"costs are not by {scope.by}", 'give "source" or "campaign"')
        return scope


def _costs(given: Any) -> economics.Costs:
    """Return the costs, checked."""
    fix = 'give {"ads": {"EUR": money(1200, "EUR")}}, or {source.id: source.spent(since, until)}'
    try:
        flat = [(code, sum_) for sums in given.values() for code, sum_ in sums.items()]
    except AttributeError:
        raise InputError("costs", f"{shown(given)} are not sums by group and currency", fix) from None
    for code, sum_ in flat:
        if not isinstance(sum_, Money) or sum_.currency != code or sum_.minor < 0:
            raise InputError("costs", f"{shown(sum_)} is nothing that was spent in {shown(code)}", fix)
    checked: economics.Costs = given
    return checked
