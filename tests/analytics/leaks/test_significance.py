"""Tests of two rates and of many, against published values and another library."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.analytics.significance import benjamini_hochberg, fisher, newcombe, p_of_two_rates

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
    assert fisher(*table) == pytest.approx(float(exact(*table)), abs=1e-9)


def test_the_lady_tasting_tea() -> None:
    """Three of four cups told right on each side: p = 34 / 70."""
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)


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
