"""Pearson's test without a library: against scipy, and by its own promise."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.analytics.chances.independence import chi_square_tail, independence


@pytest.mark.parametrize(
    ("x", "df", "tail"),
    [(3.841, 1, 0.05), (5.991, 2, 0.05), (7.815, 3, 0.05), (18.307, 10, 0.05), (37.566, 20, 0.01)],
)
def test_the_tail_is_that_of_the_printed_tables(x: float, df: int, tail: float) -> None:
    """Critical values as textbooks print them."""
    assert chi_square_tail(x, df) == pytest.approx(tail, abs=2e-5)


@given(st.floats(0, 3000), st.integers(1, 900))
def test_the_tail_is_that_of_scipy(x: float, df: int) -> None:
    """Any value and any degrees of freedom give what scipy gives."""
    stats = pytest.importorskip("scipy.stats")
    assert chi_square_tail(x, df) == pytest.approx(float(stats.chi2.sf(x, df)), rel=1e-8, abs=1e-280)


@given(st.lists(st.lists(st.integers(15, 60), min_size=3, max_size=3), min_size=2, max_size=4))
def test_a_table_with_enough_in_it_gives_what_scipy_gives(grid: list[list[int]]) -> None:
    """Statistic, degrees of freedom and p are those of scipy without its correction."""
    stats = pytest.importorskip("scipy.stats")
    found = independence({str(n): dict(zip("xyz", row, strict=True)) for n, row in enumerate(grid)})
    want = stats.chi2_contingency(grid, correction=False)
    assert (found.statistic, found.df, found.p) == (
        pytest.approx(want.statistic, abs=1e-9),
        want.dof,
        pytest.approx(want.pvalue),
    )


def test_small_columns_are_put_together() -> None:
    """Columns x and y are expected 2.5 times each: together 5 times, and compared with z."""
    found = independence({"a": {"x": 2, "y": 3, "z": 45}, "b": {"x": 3, "y": 2, "z": 45}})
    assert (found.df, found.statistic) == (1, 0.0)


@pytest.mark.parametrize("table", [{}, {"a": {"x": 9}}, {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}}])
def test_too_little_is_not_compared(table: dict[str, dict[str, int]]) -> None:
    """One row, or fewer than 5 expected whatever is put together, is no test."""
    assert independence(table).p is None


def test_five_of_a_hundred_alarms_are_false() -> None:
    """Of 1,000 tables without any dependence, about 50 have a p below 0.05."""
    dice, alarms = Random(1), 0
    for _ in range(1000):
        table = {row: {"x": 0, "y": 0, "z": 0} for row in "ab"}
        for _ in range(200):
            table[dice.choice("ab")][dice.choices("xyz", (5, 3, 2))[0]] += 1
        alarms += (independence(table).p or 1.0) < 0.05
    assert 30 <= alarms <= 70
