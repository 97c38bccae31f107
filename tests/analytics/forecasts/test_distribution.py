"""The number of wins and their worth, against what can be counted out, worked out or looked up."""

from __future__ import annotations

import math
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.analytics.forecasts.distribution import poisson_binomial, predictive
from funnelkit.analytics.forecasts.revenue import NewTotals, OpenTotals, effort

chances = st.lists(st.floats(0, 1), max_size=8)


@given(chances)
def test_a_small_number_of_deals_comes_out_as_counted_out(some: list[float]) -> None:
    """Every way in which the deals can end, one by one, gives the same distribution."""
    want = [0.0] * (len(some) + 1)
    for ends in product((0, 1), repeat=len(some)):
        want[sum(ends)] += math.prod(p if end else 1 - p for p, end in zip(some, ends, strict=True))
    found = poisson_binomial([(p, 1) for p in some])
    assert [found.mass(n) for n in range(len(want))] == pytest.approx(want, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 400)), max_size=6))
def test_mean_and_variance_are_those_of_the_parts(cells: list[tuple[float, int]]) -> None:
    """The distribution has the mean sum of p and the variance sum of p (1 - p), and all of it is there."""
    found = poisson_binomial(cells)
    masses = [(n, found.mass(n)) for n in range(found.first, found.last + 1)]
    mean = sum(n * mass for n, mass in masses)
    assert sum(mass for _, mass in masses) == pytest.approx(1, abs=1e-12)
    assert mean == pytest.approx(sum(p * n for p, n in cells), abs=1e-8)
    variance = sum((n - mean) ** 2 * mass for n, mass in masses)
    assert variance == pytest.approx(sum(p * (1 - p) * n for p, n in cells), abs=1e-7)


def test_deals_of_one_chance_are_binomial() -> None:
    """A thousand deals of 30 % have the binomial distribution and its quantiles."""
    stats = pytest.importorskip("scipy.stats")
    found, want = poisson_binomial([(0.3, 1000)]), stats.binom(1000, 0.3)
    assert [found.mass(n) for n in range(200, 400)] == pytest.approx(want.pmf(range(200, 400)), rel=1e-9)
    assert [found.quantile(q) for q in (1, 10, 50, 90, 99)] == list(want.ppf([0.01, 0.1, 0.5, 0.9, 0.99]))


def test_new_wins_are_negative_binomial() -> None:
    """The predictive distribution is the one of the tables."""
    stats = pytest.importorskip("scipy.stats")
    found, want = predictive(40, 0.25), stats.nbinom(40, 1 / 1.25)
    assert [found.mass(n) for n in range(40)] == pytest.approx(want.pmf(range(40)), rel=1e-9)
    assert (found.mean, found.variance) == pytest.approx((want.mean(), want.var()))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), max_size=4), st.integers(0, 60))
def test_quantile_and_place_agree_with_the_masses(cells: list[tuple[float, int]], number: int) -> None:
    """The quantile is the least number not exceeded with that probability; the place is in the middle."""
    found = poisson_binomial(cells)
    masses = [found.mass(n) for n in range(60)]
    for percent in (10, 50, 90):
        q = found.quantile(percent)
        assert sum(masses[: q + 1]) >= percent / 100 - 1e-9
        assert q == 0 or sum(masses[:q]) < percent / 100 + 1e-9
    assert found.place(number) == pytest.approx(sum(masses[:number]) + sum(masses[number : number + 1]) / 2)


def test_totals_come_out_as_counted_out() -> None:
    """Six deals: places of drawn totals are those of all 64 ways, to within the error of the draws."""
    deals = [(0.2, 900), (0.5, 100), (0.9, 350), (0.5, 100), (0.35, 5000), (1.0, 40)]
    ways: dict[int, float] = {}
    for ends in product((0, 1), repeat=len(deals)):
        total = sum(amount for (_, amount), end in zip(deals, ends, strict=True) if end)
        weight = math.prod(p if end else 1 - p for (p, _), end in zip(deals, ends, strict=True))
        ways[total] = ways.get(total, 0) + weight
    draws = 10_000
    found = OpenTotals.of(deals).draw(0, draws, Random(5))
    assert found.mean == pytest.approx(sum(total * weight for total, weight in ways.items()))
    for total in sorted(ways):
        below = sum(weight for other, weight in ways.items() if other < total)
        place = below + ways[total] / 2
        assert found.place(total) == pytest.approx(place, abs=4 * math.sqrt(0.25 / draws))


def test_small_deals_are_drawn_as_one_within_the_stated_error() -> None:
    """Of 40,000 deals the totals are no further from those drawn one by one than bound and draws allow."""
    random = Random(2)
    deals = [(random.choice((0.1, 0.3)), random.randrange(100, 1000)) for _ in range(40_000)]
    book = OpenTotals.of(deals)
    level, draws = effort([book], 4_000)
    near, plain = book.draw(level, draws, Random(3)), book.draw(0, 200, Random(4))
    assert (level, draws) == (2, 4_000)
    assert 0 < near.bound <= 0.02
    for percent, total in zip((10, 50, 90), near.quantiles((10, 50, 90)), strict=True):
        assert plain.place(total) == pytest.approx(percent / 100, abs=near.bound + 4 * math.sqrt(0.25 / 200))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_new_totals_have_the_moments_of_a_compound(level: int) -> None:
    """Mean E N · m and variance E N · v + var N · m², however much is drawn as one."""
    worths = [(n * n, 5) for n in range(1, 60)]
    number = predictive(3000, 0.5)
    mean = sum(a * n for a, n in worths) / sum(n for _, n in worths)
    spread = sum((a - mean) ** 2 * n for a, n in worths) / sum(n for _, n in worths)
    found = NewTotals.of(number, worths).draw(level, 1500, Random(7))
    size = len(found.totals)
    variance = sum((total - found.mean) ** 2 for total in found.totals) / size
    assert found.mean == pytest.approx(number.mean * mean)
    assert sum(found.totals) / size == pytest.approx(found.mean, abs=4 * math.sqrt(variance / size))
    assert variance == pytest.approx(number.mean * spread + number.variance * mean**2, rel=0.2)
