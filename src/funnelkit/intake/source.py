"""Where inquiries come from, as data: what a source decides about them, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from funnelkit.clock import duration
from funnelkit.errors import DefinitionError, FunnelkitError, MoneyError, TimeError, shown
from funnelkit.inputs import given_id, money_value, plan_date, text
from funnelkit.money import Money, totals
from funnelkit.serial import Problem, did_you_mean

if TYPE_CHECKING:
    from funnelkit.people.sharing import SharingRule
    from funnelkit.stages import Pipeline

__all__ = ["Cost", "Source", "check_sources"]


@attrs.frozen
class Cost:
    """What a source cost on a day, or over the days from ``on`` to before ``until``.

    >>> from datetime import date
    >>> from funnelkit import money
    >>> print(Cost(date(2026, 3, 1), money(120, "EUR")))
    2026-03-01: 120.00 EUR
    """

    on: date
    amount: Money
    until: date | None = attrs.field(default=None, kw_only=True)
    note: str = attrs.field(default="", kw_only=True)

    @property
    def end(self) -> date:
        """The first day that is not paid for any more."""
        return self.until if self.until is not None else self.on + timedelta(days=1)

    def within(self, since: date, until: date) -> Money:
        """Return the part that falls on the days from ``since`` to before ``until``.

        Every day costs the same; what is left over by the rounding falls on the first ones, so that
        the parts of a period sum to the whole.

        >>> from funnelkit import money
        >>> march = Cost(date(2026, 3, 1), money("100.00", "EUR"), until=date(2026, 4, 1))
        >>> march.within(date(2026, 3, 1), date(2026, 3, 11)).amount
        Decimal('32.30')
        """
        days = (self.end - self.on).days
        each, over = divmod(self.amount.minor, days)
        first = min(max((since - self.on).days, 0), days)
        last = min(max((until - self.on).days, first), days)
        return Money(each * (last - first) + min(last, over) - min(first, over), self.amount.currency)

    def __str__(self) -> str:
        days = f"{self.on}" if self.until is None else f"{self.on} to {self.until}"
        return f"{days}: {self.amount}{f', {self.note}' if self.note else ''}"


def _costs(value: Iterable[Cost]) -> Any:
    return tuple(value) if isinstance(value, Iterable) else value  # what is refused is named below


_NEVER = timedelta()


def _span(value: timedelta | str) -> Any:
    return value  # checked, and read, with everything else


@attrs.frozen(kw_only=True)
class Source:
    """A place that inquiries come from: a site's form, a phone line, a market place, a fair.

    What it decides holds unless the caller says otherwise.

    Attributes:
        id: What stands in ``source`` of its records.
        label: What people call it.
        channel: A word for its sort: ``"form"``, ``"phone"``, ``"chat"``, ``"ads"``.
        campaign: What stands in ``campaign`` of its records.
        pipeline: Id of the pipeline that its inquiries go to; empty for the only one of its kind.
        stage: Where they start there; empty for the first stage.
        owner: Who answers for it. Without a sharing rule, what it brings is theirs.
        sharing: Who gets what it brings, see `SharingRule`; None for its owner.
        storefront: The shop that it belongs to, or empty; people may be let to see their shops only.
        same_within: An inquiry of the same person within this time, while the first one is open in the
            same pipeline, is the same inquiry: no second card is made. Names without a common word are
            two people, and deals of two names are two. ``"0d"`` makes a card of each.
        costs: What it cost.

    Raises:
        DefinitionError: With everything that is wrong.

    >>> site = Source(id="site", channel="form", campaign="spring", owner="ann", same_within="2d")
    >>> site.same_within
    datetime.timedelta(days=2)
    """

    id: str
    label: str = ""
    channel: str = ""
    campaign: str = ""
    pipeline: str = ""
    stage: str = ""
    owner: str = ""
    sharing: SharingRule | None = None
    storefront: str = ""
    same_within: timedelta = attrs.field(default=timedelta(days=1), converter=_span)
    costs: tuple[Cost, ...] = attrs.field(default=(), converter=_costs)

    def __attrs_post_init__(self) -> None:
        problems = [*_told(self), *_cost_problems(self.costs)]
        try:
            within = (
                _NEVER if self.same_within in (_NEVER, "0d") else duration(self.same_within, "same_within")
            )
            object.__setattr__(self, "same_within", within)
        except FunnelkitError as error:
            problems.append(Problem("same_within", str(error)))
        sharing: Any = self.sharing
        if sharing is not None and not callable(getattr(sharing, "assign", None)):
            problems.append(Problem("sharing", f"{shown(sharing)} is no rule", 'give RoundRobin("north")'))
        if problems:
            raise DefinitionError(f"source {shown(self.id)}", problems)

    def spent(self, since: date, until: date) -> dict[str, Money]:
        """Return what it cost on the days from ``since`` to before ``until``, by currency.

        Raises:
            TimeError: Something that is no day.

        >>> from funnelkit import money
        >>> ads = Source(id="ads", costs=[Cost(date(2026, 3, day), money(40, "EUR")) for day in (1, 2, 9)])
        >>> ads.spent(date(2026, 3, 1), date(2026, 3, 8))
        {'EUR': Money('80.00 EUR')}
        """
        first, end = _day(since, "since"), _day(until, "until")
        return totals(part for cost in self.costs if (part := cost.within(first, end)).minor)


def _told(source: Source) -> list[Problem]:
    problems = []
    for name in ("id", "label", "channel", "campaign", "pipeline", "stage", "owner", "storefront"):
        try:
            given_id(source.id) if name == "id" else text(getattr(source, name), name)
        except FunnelkitError as error:
            problems.append(Problem(name, str(error)))
    rule = source.sharing
    if rule is not None and (isinstance(rule, type) or not callable(getattr(rule, "assign", None))):
        problems.append(Problem("sharing", f"{shown(rule)} is no sharing rule", 'give RoundRobin("north")'))
    if source.stage and not source.pipeline:
        problems.append(Problem("stage", "is given without a pipeline", "name the pipeline, too"))
    return problems


def _day(value: object, argument: str) -> date:
    """Return a day; TimeError for anything else, nothing included."""
    day = plan_date(value, argument)
    if day is None:
        raise TimeError(argument, "there is no day", "give datetime.date(2026, 3, 1)")
    return day


def _cost_problems(costs: object) -> list[Problem]:
    mend = 'give Cost(date(2026, 3, 1), money(40, "EUR"))'
    if not isinstance(costs, tuple):
        return [Problem("costs", f"{shown(costs)} is no list of costs", f"[{mend}]")]
    problems = []
    for number, cost in enumerate(costs):
        where = f"costs[{number}]"
        if not isinstance(cost, Cost):
            problems.append(Problem(where, f"{shown(cost)} is no cost", mend))
            continue
        try:
            _day(cost.on, "on")
            plan_date(cost.until, "until")
            text(cost.note, "note")
            if money_value(cost.amount, "amount") is None:
                raise MoneyError("amount", "there is none")
        except FunnelkitError as error:
            problems.append(Problem(where, str(error), mend))
        else:
            if cost.until is not None and cost.until <= cost.on:
                problems.append(
                    Problem(where, f"ends on {cost.until}, before it begins", "give the day after")
                )
    return problems


def check_sources(sources: Iterable[Source], pipelines: Mapping[str, Pipeline]) -> None:
    """Raise DefinitionError for every source that names a pipeline or stage that cannot be entered.

    >>> check_sources([Source(id="site", pipeline="sale")], {})
    Traceback (most recent call last):
        ...
    funnelkit.errors.DefinitionError: engine: sources.site.pipeline: there is no pipeline 'sale'
    """
    problems = []
    for source in sources:
        where = f"sources.{source.id}"
        if not source.pipeline:
            continue
        pipeline = pipelines.get(source.pipeline)
        if pipeline is None:
            mend = did_you_mean(source.pipeline, pipelines)
            problems.append(
                Problem(f"{where}.pipeline", f"there is no pipeline {shown(source.pipeline)}", mend)
            )
        elif source.stage and source.stage not in pipeline.table.position:
            mend = did_you_mean(source.stage, pipeline.table.stages)
            problem = f"pipeline {pipeline.id} has no stage {shown(source.stage)}"
            problems.append(Problem(f"{where}.stage", problem, mend))
        elif source.stage and pipeline.stage(source.stage).archived:
            problem = f"stage {source.stage} of {pipeline.id} is archived: nothing enters it"
            problems.append(Problem(f"{where}.stage", problem, "choose one that is in use"))
    if problems:
        raise DefinitionError("engine", problems)
