"""A teaching set without any history, imported as the example does it: the figures of its README come out."""

from __future__ import annotations

import runpy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Engine

EXAMPLE = Path(__file__).parents[2] / "examples" / "crm_snapshot.py"

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def deals(shared_data: Path) -> Engine:
    """Return 8,800 deals of a company that sells hardware."""
    folder = shared_data / "maven_crm"
    if not folder.is_dir():
        pytest.skip(f"the data set is not there: {folder}")
    example = runpy.run_path(str(EXAMPLE))
    engine = Engine(example["DEALS"])
    report = example["imported"](engine, folder)
    assert (report.records, report.bad) == (8_800, ())
    return engine


@pytest.fixture(scope="module")
def end() -> Any:
    """Return the midnight after the last day of the file."""
    return runpy.run_path(str(EXAMPLE))["END"]


def test_every_deal_is_where_the_file_says(deals: Engine, end: Any) -> None:
    """Prospecting 500, engaging 1,589, won 4,238, lost 2,473."""
    reports = deals.analytics
    still = {row.stage: row.count for row in reports.potential(as_of=end).rows}
    (closed,) = reports.win_rate(as_of=end).rows
    assert still == {"prospecting": 500, "engaging": 1_589}
    assert (closed.rate.numerator, closed.rate.denominator) == (4_238, 4_238 + 2_473)


def test_the_ledger_of_the_deals_is_sound(deals: Engine) -> None:
    """Every carried fact follows from the bare moves."""
    assert deals.verify() == ()


def test_thirty_people_have_deals(deals: Engine, end: Any) -> None:
    """Five of the 35 have none; everybody who has some has closed some."""
    assert len(deals.analytics.people(as_of=end).rows) == 30


def test_the_two_spellings_of_a_product_are_one(deals: Engine, end: Any) -> None:
    """All 1,480 deals of the GTXPro are of the GTX Pro; there are seven products."""
    rows = deals.analytics.cohort_win_rate(by="custom.product", as_of=end).rows
    assert {row.group: row.created for row in rows}["GTX Pro"] == 1_480
    assert len(rows) == 7


def test_open_deals_without_an_account(deals: Engine, end: Any) -> None:
    """1,425 open deals, 1,088 of them engaged, name no account; all closed ones name one."""
    nobody = {"account": None}
    still = deals.analytics.potential(custom=nobody, as_of=end).rows
    assert {row.stage: row.count for row in still} == {"prospecting": 337, "engaging": 1_088}
    assert deals.analytics.win_rate(custom=nobody, as_of=end).rows[0].rate.denominator == 0


def test_a_lost_deal_is_worth_nothing_and_a_won_one_something(deals: Engine, end: Any) -> None:
    """The file prices wins alone."""
    (row,) = deals.analytics.win_rate(as_of=end).rows
    assert row.lost_sums["USD"].minor == 0
    assert row.won_sums["USD"].minor > 0


def test_open_deals_are_older_than_any_closed_one_became(deals: Engine, end: Any) -> None:
    """Nobody took more than 138 days to close; half of the engaged deals are 165 days or older."""
    engaged = deals.analytics.stock(created=(None, end - timedelta(days=165)), as_of=end).rows
    assert sum(row.count for row in engaged if row.stage == "engaging") * 2 >= 1_589
    assert ended(deals, "137d", end) < ended(deals, "138d", end) == 4_238 + 2_473


def ended(deals: Engine, age: str, end: Any) -> int:
    """Return how many deals had ended by an age."""
    found = deals.analytics.cohort_conversion(horizons=[age], unit="1d", as_of=end)
    return len(found.ids(age, "won")) + len(found.ids(age, "lost"))
