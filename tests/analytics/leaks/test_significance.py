"""Tests of two rates and of many, against published values and another library."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.analytics.significance import (
    benjamini_hochberg,
    fisher,
    newcombe,
    odds_ratio,
    p_of_two_rates,
    q_values,
)

trials = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda sizes: st.tuples(
        st.integers(0, sizes[0]), st.just(sizes[0]), st.integers(0, sizes[1]), st.just(sizes[1])
    )
)


def exact(x1: int, n1: int, x2: int, n2: int) -> Fraction:
    """Fisher's p-value in fractions: every table with these margins, one by one."""
    hits = x1 + x2
    ways = {x: comb(n1, x) * comb(n2, hits - x) for x in range(max(0, hits - n2), min(hits, n1) + 1)}
    return Fraction(sum(way for way in ways.values() if way <= ways[x1]), comb(n1 + n2, hits))


@given(trials)
def test_fisher_adds_up_all_tables_that_are_no_likelier(table: tuple[int, int, int, int]) -> None:
    """For any table the p-value is that of exact fractions."""
    assert fisher(*table) == pytest.approx(float(exact(*table)), rel=1e-9)


@pytest.mark.parametrize(
    "table",
    [(300, 1000, 3000, 9000), (20, 20, 0, 100_000), (0, 500, 0, 500), (30_300, 100_000, 270_000, 900_000)],
)
def test_fisher_is_right_for_large_tables(table: tuple[int, int, int, int]) -> None:
    """Of hundreds of thousands the p-value is that of another library, far out in the tail, too."""
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    x1, n1, x2, n2 = table
    p = stats.fisher_exact([[x1, n1 - x1], [x2, n2 - x2]]).pvalue
    assert fisher(*table) == pytest.approx(p, rel=1e-7)


def test_what_is_all_but_impossible_has_a_p_of_nothing() -> None:
    """Nothing overflows, and nothing divides by zero."""
    assert fisher(400_000, 500_000, 100_000, 500_000) == 0.0


def test_the_lady_tasting_tea() -> None:
    """Three of four cups told right on each side: p = 34 / 70."""
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)


def test_an_odds_ratio_by_hand() -> None:
    """3 won of 4 against 1 of 5, one added to each count: 4 x 5 / (2 x 2), and half a logarithm of 2.360."""
    found = odds_ratio(3, 4, 1, 5)
    spread = 1.959964 * (1 / 4 + 1 / 2 + 1 / 2 + 1 / 5) ** 0.5
    assert found == pytest.approx((5.0, 5 * math.exp(-spread), 5 * math.exp(spread)), rel=1e-6)


def test_with_nothing_counted_the_odds_are_even() -> None:
    """The prior alone says one to one, and next to nothing about it."""
    ratio, low, high = odds_ratio(0, 0, 0, 0)
    assert ratio == 1.0
    assert low * high == pytest.approx(1.0)
    assert high > 50


@given(trials, st.sampled_from([0.8, 0.95, 0.99]))
def test_an_odds_ratio_is_that_of_another_library_with_one_more_each(
    table: tuple[int, int, int, int], level: float
) -> None:
    """Ratio and interval are those of scipy for the four counts and one."""
    contingency = pytest.importorskip("scipy.stats.contingency", reason="scipy is not installed")
    x1, n1, x2, n2 = table
    other = contingency.odds_ratio([[x1 + 1, n1 - x1 + 1], [x2 + 1, n2 - x2 + 1]], kind="sample")
    interval = other.confidence_interval(level)
    assert odds_ratio(*table, level) == pytest.approx((other.statistic, interval.low, interval.high))


@given(trials)
def test_odds_the_other_way_round_are_one_by_them(table: tuple[int, int, int, int]) -> None:
    """Whoever is put first, and whether wins or losses are counted: it is the same finding."""
    x1, n1, x2, n2 = table
    ratio, low, high = odds_ratio(*table)
    turned = pytest.approx((1 / ratio, 1 / high, 1 / low))
    assert odds_ratio(x2, n2, x1, n1) == turned
    assert odds_ratio(n1 - x1, n1, n2 - x2, n2) == turned


@given(trials)
def test_the_prior_never_turns_what_is_not_all_chance(table: tuple[int, int, int, int]) -> None:
    """Where Fisher's p-value is below 1, the side with the higher rate has the higher odds."""
    x1, n1, x2, n2 = table
    if fisher(*table) < 1 - 1e-9:
        assert (odds_ratio(*table)[0] > 1) == (x1 * n2 > x2 * n1)


def chances(n: int, p: float) -> list[float]:
    """The chance of each number of successes."""
    return [comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)]


def covered(n1: int, p1: float, n2: int, p2: float) -> float:
    """How often the interval of 95 % holds the true ratio: every outcome there can be, by its chance."""
    truth = p1 / (1 - p1) * (1 - p2) / p2
    ones, twos = chances(n1, p1), chances(n2, p2)
    return math.fsum(
        one * two
        for (x1, one), (x2, two) in product(enumerate(ones), enumerate(twos))
        if one * two > 1e-9
        for _, low, high in [odds_ratio(x1, n1, x2, n2)]
        if low <= truth <= high
    )


@pytest.mark.parametrize("p1", [0.17, 0.5, 0.8])
@pytest.mark.parametrize("p2", [0.17, 0.3, 0.83])
@pytest.mark.parametrize("sizes", [(30, 30), (30, 120), (100, 60)])
def test_the_interval_of_an_odds_ratio_covers_what_it_says(
    sizes: tuple[int, int], p1: float, p2: float
) -> None:
    """Where five of each outcome are to be expected, 95 % are 93 to 99 %."""
    assert 0.93 <= covered(sizes[0], p1, sizes[1], p2) <= 0.99


def test_with_one_or_two_to_be_expected_it_covers_less() -> None:
    """The prior tells: of thirty with a chance of 5 %, against many with 80 %, it is 90 %."""
    assert 0.89 < covered(30, 0.05, 300, 0.8) < 0.92


def test_newcombe_as_published() -> None:
    """56 of 70 less 48 of 80 is from 0.0524 to 0.3339, and 9 of 10 less 3 of 10 from 0.1705 to 0.8090."""
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)


def test_a_difference_with_nothing_has_no_interval() -> None:
    """Without trials on one side nothing is said."""
    assert newcombe(0, 0, 1, 2) is None
    assert p_of_two_rates(1, 2, 0, 0) is None


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_score_test_is_the_chi_square_test(x1: int, x2: int) -> None:
    """With enough expected everywhere the p-value is that of Pearson's chi-square without correction."""
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    if not 10 <= x1 + x2 <= 590:
        return
    table = [[x1, 300 - x1], [x2, 300 - x2]]
    assert p_of_two_rates(x1, 300, x2, 300) == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue, abs=1e-9
    )


def test_benjamini_and_hochberg_as_published() -> None:
    """The fifteen p-values of the paper of 1995: at 5 % the first four are believed, as it says."""
    published = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240),
        *(0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]
    assert [q <= 0.05 for q in benjamini_hochberg(published)] == [True] * 4 + [False] * 11


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_a_q_is_never_under_its_p(p_values: list[float]) -> None:
    """Looking many times never makes a finding stronger, and q keeps the order of p."""
    q_values = benjamini_hochberg(p_values)
    assert all(q >= p for p, q in zip(p_values, q_values, strict=True))
    assert [q for _, q in sorted(zip(p_values, q_values, strict=True))] == sorted(q_values)


@given(st.lists(st.floats(0, 1) | st.none(), max_size=12))
def test_a_test_that_was_not_made_counts_for_nothing(p_values: list[float | None]) -> None:
    """The others have the q-values that they have without it, in their places."""
    q_values_ = q_values(p_values)
    assert [q is None for q in q_values_] == [p is None for p in p_values]
    assert [q for q in q_values_ if q is not None] == benjamini_hochberg(
        [p for p in p_values if p is not None]
    )
