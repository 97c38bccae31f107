"""Sources as data: what is refused where they are declared, and what they cost to the cent."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit import Engine, Pipeline, Stage, money, templates
from funnelkit.errors import DefinitionError, TimeError
from funnelkit.intake.source import Cost, Source, check_sources
from funnelkit.money import Money

MARCH = date(2026, 3, 1)
WRONG: Any = None
FORTY: Any = 40
SALES = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("old", archived=True)])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"id": ""}, "id: "),
        ({"id": "a b"}, "id: "),
        ({"id": "a", "label": 7}, "label: "),
        ({"id": "a", "owner": "x\0"}, "owner: .*NUL"),
        ({"id": "a", "stage": "offer"}, "stage: is given without a pipeline"),
        ({"id": "a", "same_within": "soon"}, "same_within: .*no.* a duration"),
        ({"id": "a", "same_within": timedelta(days=-1)}, "same_within: .*not above zero"),
        ({"id": "a", "same_within": None}, "same_within: "),
        ({"id": "a", "sharing": "round robin"}, "sharing: 'round robin' is no rule"),
        ({"id": "a", "costs": 7}, "costs: 7 is no list of costs"),
        ({"id": "a", "costs": [7]}, r"costs\[0\]: 7 is no cost"),
        ({"id": "a", "costs": [Cost(WRONG, money(1, "EUR"))]}, r"costs\[0\]: on: "),
        ({"id": "a", "costs": [Cost(MARCH, WRONG)]}, r"costs\[0\]: amount: there is none"),
        ({"id": "a", "costs": [Cost(MARCH, FORTY)]}, r"costs\[0\]: .*has no currency"),
        ({"id": "a", "costs": [Cost(datetime(2026, 3, 1), money(1, "EUR"))]}, r"costs\[0\]: on: "),  # noqa: DTZ001
        ({"id": "a", "costs": [Cost(MARCH, money(1, "EUR"), until=MARCH)]}, "before it begins"),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_declared(fields: dict[str, Any], problem: str) -> None:
    """The error names the field."""
    with pytest.raises(DefinitionError, match=problem):
        Source(**fields)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """Two mistakes make one error with two problems."""
    with pytest.raises(DefinitionError, match=r"(?s)label: .*same_within: "):
        Source(id="a", label=7, same_within="soon")  # type: ignore[arg-type]


@pytest.mark.parametrize("never", ["0d", timedelta(0)])
def test_no_time_at_all_makes_a_card_of_each(never: Any) -> None:
    """A source can say that no two inquiries are the same."""
    assert Source(id="a", same_within=never).same_within == timedelta(0)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (Source(id="a", pipeline="sale"), "did you mean 'sales'"),
        (Source(id="a", pipeline="sales", stage="ofer"), "did you mean 'offer'"),
        (Source(id="a", pipeline="sales", stage="old"), "archived: nothing enters it"),
    ],
)
def test_a_source_leads_to_a_stage_that_can_be_entered(source: Source, problem: str) -> None:
    """An engine is not made of a source that leads nowhere."""
    with pytest.raises(DefinitionError, match=problem):
        Engine(SALES, sources=[source])


def test_two_sources_of_one_id_are_refused() -> None:
    """An id names one source."""
    with pytest.raises(DefinitionError, match="two sources are called 'a'"):
        Engine(templates.lead_intake(), sources=[Source(id="a"), Source(id="a")])


def test_sources_without_a_pipeline_need_none() -> None:
    """What names no pipeline is checked where something comes in."""
    check_sources([Source(id="a")], {})


def test_a_month_is_paid_for_by_days() -> None:
    """100.00 over 31 days: 10000 = 31 · 322 + 18, so the first 18 days cost 3.23, the other 13 3.22."""
    march = Cost(MARCH, money("100.00", "EUR"), until=date(2026, 4, 1))
    parts = [march.within(MARCH + timedelta(days=n), MARCH + timedelta(days=n + 1)).minor for n in range(31)]
    assert parts == [323] * 18 + [322] * 13


@pytest.mark.parametrize("when", [None, "2026-03-01", datetime(2026, 3, 1)])  # noqa: DTZ001 (what is refused)
def test_a_period_has_days(when: Any) -> None:
    """Anything that is no day is refused."""
    with pytest.raises(TimeError):
        Source(id="a").spent(when, MARCH)
    with pytest.raises(TimeError):
        Source(id="a").spent(MARCH, when)


DAYS = st.dates(date(2025, 1, 1), date(2027, 1, 1))
COSTS = st.lists(
    st.builds(
        lambda on, minor, currency, days: Cost(
            on, Money(minor, currency), until=on + timedelta(days=days) if days else None
        ),
        DAYS,
        st.integers(-(10**7), 10**12),
        st.sampled_from(["EUR", "JPY", "KWD"]),
        st.integers(0, 400),
    ),
    max_size=6,
)


@given(costs=COSTS, cuts=st.lists(DAYS, min_size=1, max_size=8))
def test_costs_of_periods_sum_to_the_whole(costs: list[Cost], cuts: list[date]) -> None:
    """However the days are cut into periods, every cent of every currency is in exactly one of them."""
    source = Source(id="ads", costs=costs)
    borders = [date(2020, 1, 1), *sorted(cuts), date(2030, 1, 1)]
    sums: dict[str, int] = {}
    for since, until in pairwise(borders):
        for currency, part in source.spent(since, until).items():
            sums[currency] = sums.get(currency, 0) + part.minor
    whole: dict[str, int] = {}
    for cost in costs:
        whole[cost.amount.currency] = whole.get(cost.amount.currency, 0) + cost.amount.minor
    assert {key: value for key, value in sums.items() if value} == {k: v for k, v in whole.items() if v}


@given(cost=COSTS.filter(bool).map(lambda costs: costs[0]), day=DAYS)
def test_no_day_costs_a_cent_more_than_another(cost: Cost, day: date) -> None:
    """The days of a cost differ by one minor unit at most, and other days cost nothing."""
    part = cost.within(day, day + timedelta(days=1)).minor
    days = (cost.end - cost.on).days
    if cost.on <= day < cost.end:
        assert abs(part * days - cost.amount.minor) < days
    else:
        assert part == 0
