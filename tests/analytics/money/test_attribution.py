"""Wins shared out: whole under every rule, as spreadsheets and a walk by hand say."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage, money
from funnelkit.analytics.money.attribution import RULES, removal_shares
from funnelkit.errors import InputError

START = datetime(2026, 1, 1, tzinfo=UTC)
few = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def engine() -> tuple[Engine, FrozenClock]:
    """An office with one pipeline of deals, at the start of the year."""
    clock = FrozenClock(START)
    sales = Pipeline("sales", [Stage("new"), Stage("offer")])
    return Engine(sales, store=MemoryStore(), clock=clock), clock


def asked(office: tuple[Engine, FrozenClock], clients: dict[str, list[Any]]) -> Engine:
    """Clients who come day by day through a source, or buy for so many euros."""
    desk, clock = office
    for name, days in clients.items():
        contact = desk.create_contact(name)
        deal: Any = None
        for day in days:
            clock.tick(timedelta(days=1))
            if isinstance(day, str):
                deal = desk.create(name, contact=contact, source=day)
            else:
                desk.win(desk.edit(deal, value=money(day, "EUR")))
    return desk


def test_every_rule_by_hand() -> None:
    """Web, fair, web, then a win of 10 euros; and fair, then a win of 20: thanked as each rule says."""
    desk = asked(engine(), {"Ada": ["web", "fair", "web", 10], "Bob": ["fair", 20], "Eve": ["web"]})
    fair, web = desk.analytics.attribution(rule="position").rows
    assert (fair.group, fair.touches, web.touches) == ("fair", 2, 2)
    assert (fair.first, web.first) == (1, 1)
    assert (fair.last, web.last) == (1, 1)
    assert (fair.linear, web.linear) == pytest.approx((4 / 3, 2 / 3))
    assert (fair.position, web.position) == pytest.approx((1.2, 0.8))
    assert (str(fair.sums["EUR"]), str(web.sums["EUR"])) == ("22.00 EUR", "8.00 EUR")


def test_markov_by_hand() -> None:
    """Two of four start at ads, half of them go on to fair, where two of three win: 1/4 and 3/4."""
    journeys = {("", "ads"): (1, 0, 1), ("ads", "fair"): (0, 1, 0), ("", "fair"): (0, 1, 1)}
    assert removal_shares(journeys) == {"ads": Fraction(1, 4), "fair": Fraction(3, 4)}
    desk = asked(engine(), {"A": ["ads", "fair", 1], "B": ["ads"], "C": ["fair", 1], "D": ["fair"]})
    ads, fair = desk.analytics.attribution(rule="markov").rows
    assert (ads.markov, fair.markov) == (0.5, 1.5)
    assert (str(ads.sums["EUR"]), str(fair.sums["EUR"])) == ("0.50 EUR", "1.50 EUR")


def test_a_second_purchase_thanks_only_what_came_after_the_first() -> None:
    """Web led to the first one, mail alone to the second."""
    desk = asked(engine(), {"Ada": ["web", 10, "mail", 10]})
    mail, web = desk.analytics.attribution(rule="linear").rows
    assert (mail.linear, web.linear) == (1, 1)


def test_a_lead_and_its_deal_are_one_inquiry() -> None:
    """A lead that was converted led to the win of its deal, once."""
    clock = FrozenClock(START)
    leads = Pipeline("leads", [Stage("in")], kind="lead")
    desk = Engine(leads, Pipeline("sales", [Stage("new")]), store=MemoryStore(), clock=clock)
    lead = desk.capture("Ada", source="web")
    clock.tick(timedelta(days=1))
    done = desk.convert(lead)
    assert done.deal is not None
    clock.tick(timedelta(days=1))
    desk.win(done.deal)
    (web,) = desk.analytics.attribution("sales").rows
    assert (web.group, web.touches, web.last) == ("web", 1, 1)


steps = st.lists(st.sampled_from(["web", "fair", "mail", 5, 7]), min_size=1, max_size=6).map(
    lambda days: ["web", *days]
)


@few
@given(st.dictionaries(st.sampled_from("abcdef"), steps, min_size=1, max_size=5))
def test_no_win_and_no_cent_is_lost(clients: dict[str, list[Any]]) -> None:
    """By every rule the wins credited are all wins, and the sums are all sums: checked by a slow walk."""
    clean: dict[str, list[Any]] = {}
    for name, days in clients.items():  # a purchase needs an inquiry since the last one
        kept: list[Any] = []
        for day in days:
            if isinstance(day, str) or isinstance(kept[-1], str):
                kept.append(day)
        clean[name] = kept
    desk = asked(engine(), clean)
    wins = sum(isinstance(day, int) for days in clean.values() for day in days)
    cents = 100 * sum(day for days in clean.values() for day in days if isinstance(day, int))
    linear: dict[str, Fraction] = defaultdict(Fraction)
    for days in clean.values():
        path: list[str] = []
        for day in days:
            if isinstance(day, str):
                path.append(day)
            else:
                for source in path:
                    linear[source] += Fraction(1, len(path))
                path = []
    for rule in RULES:
        rows = desk.analytics.attribution(rule=rule).rows
        assert sum(getattr(row, rule) for row in rows) == pytest.approx(wins)
        assert sum(row.sums["EUR"].minor for row in rows if row.sums) == cents
        assert {row.group: row.linear for row in rows if row.touches} == pytest.approx(
            {source: float(share) for source, share in linear.items()}
        )


def test_an_unknown_rule_is_refused() -> None:
    """A slip is mended."""
    with pytest.raises(InputError, match="did you mean 'linear'"):
        engine()[0].analytics.attribution(rule="liner")  # type: ignore[arg-type]
