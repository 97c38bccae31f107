"""Costs and what came of them, as a spreadsheet says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage, money
from funnelkit.errors import InputError

START = datetime(2026, 1, 1, tzinfo=UTC)
JANUARY = (date(2026, 1, 1), date(2026, 2, 1))
COSTS = {"ads": {"EUR": money(100, "EUR")}, "fair": {"EUR": money(60, "EUR")}}


@pytest.fixture
def office() -> Engine:
    """Ten deals of January: four clients, one of whom buys again in April. The fair brings nobody."""
    clock = FrozenClock(START)
    desk = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]), store=MemoryStore(), clock=clock)
    for n in range(8):
        contact = desk.create_contact(f"c{n}")
        deal: Any = desk.create(f"d{n}", source="ads", contact=contact)
        clock.tick(timedelta(hours=1))
        if n < 5:
            deal = desk.move(deal, "offer")
        if n < 4:
            desk.win(desk.edit(deal, value=money(30, "EUR")))
    for n in range(2):
        desk.create(f"f{n}", source="fair")
    clock.tick(timedelta(days=100))
    again: Any = desk.create("again", source="ads", contact=desk.find("contact")[0])
    desk.win(desk.edit(again, value=money(200, "EUR")))
    return desk


def test_the_cost_of_a_stage_is_what_was_spent_by_who_got_there(office: Engine) -> None:
    """100 euros by 8, by 5 and by 4: 12.50, 20.00 and 25.00; nobody of the fair was offered anything."""
    costs = office.analytics.stage_costs(COSTS, created=JANUARY)
    assert [(row.count, str(row.each)) for row in costs.rows[:3]] == [
        *((8, "12.50 EUR"), (5, "20.00 EUR"), (4, "25.00 EUR")),
    ]
    assert [row.each for row in costs.rows[4:]] == [None, None]
    assert len(costs.ids("offer", group="ads")) == 5


def test_unit_economics_by_hand(office: Engine) -> None:
    """4 clients for 100 euros, 5 purchases of 320: CAC 25, half of it earned: ROMI 0.6, LTV 40."""
    ads, fair = office.analytics.unit_economics(COSTS, created=JANUARY, margin=Decimal("0.5")).rows
    assert (ads.created, ads.clients, ads.purchases) == (8, 4, 5)
    assert [str(sum_) for sum_ in (ads.revenue, ads.earned, ads.cac, ads.ltv)] == [
        *("320.00 EUR", "160.00 EUR", "25.00 EUR", "40.00 EUR"),
    ]
    assert (ads.romi, ads.payback_days) == (0.6, 120)
    assert (fair.romi, fair.cac, fair.ltv, fair.reason) == (-1.0, None, None, "nobody bought")


def test_without_a_margin_it_is_of_revenue_and_says_so(office: Engine) -> None:
    """120 euros of revenue in the first 30 days pay back 100."""
    economics = office.analytics.unit_economics(COSTS, created=JANUARY)
    assert economics.about.definition == "by revenue"
    assert (economics.rows[0].romi, economics.rows[0].payback_days) == (2.2, 30)


def test_a_purchase_of_an_older_client_is_not_of_the_cohort(office: Engine) -> None:
    """April's deal is of a client of January: April has no new client, and no revenue of its own."""
    april = (date(2026, 4, 1), date(2026, 5, 1))
    (ads,) = office.analytics.unit_economics({"ads": {"EUR": money(10, "EUR")}}, created=april).rows
    assert (ads.created, ads.clients, ads.revenue.minor) == (1, 0, 0)


def test_what_was_not_known_yet_does_not_count(office: Engine) -> None:
    """As of the end of January the second purchase had not happened."""
    ads = office.analytics.unit_economics(COSTS, created=JANUARY, as_of=START + timedelta(days=30)).rows[0]
    assert (ads.purchases, str(ads.revenue)) == (4, "120.00 EUR")


def test_the_records_behind_a_client_are_their_purchases(office: Engine) -> None:
    """Five purchases, of which four were first ones."""
    economics = office.analytics.unit_economics(COSTS, created=JANUARY)
    assert len(economics.ids("purchases", group="ads")) == 5
    assert len(economics.ids("clients", group="ads")) == 4


@pytest.mark.parametrize(
    ("costs", "more"),
    [
        ([], {}),
        ({"ads": money(1, "EUR")}, {}),
        ({"ads": {"USD": money(1, "EUR")}}, {}),
        ({"ads": {"EUR": 5}}, {}),
        (COSTS, {"margin": 0.5}),
        (COSTS, {"margin": Decimal(2)}),
        (COSTS, {"by": "month"}),
    ],
)
def test_costs_that_are_none_are_refused(costs: Any, more: dict[str, Any]) -> None:
    """Anything but sums by group and currency, a margin that is no part, and periods as groups are named."""
    desk = Engine(Pipeline("sales", [Stage("new")]), store=MemoryStore())
    with pytest.raises(InputError):
        desk.analytics.unit_economics(costs, **more)


def test_costs_of_stages_speak_of_no_clients() -> None:
    """Records are counted there; of clients only the unit economics speak."""
    metrics = Engine(Pipeline("sales", [Stage("new")])).analytics
    assert "clients" not in metrics.stage_costs(COSTS).about.population
    assert "clients" in metrics.unit_economics(COSTS).about.population
