"""The chart: its run length against simulation and enumeration, and what it finds."""

from __future__ import annotations

from itertools import product
from math import comb, prod
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelkit.analytics.drift.cusum import Cusum, designed


def ran(chart: Cusum, share: float, sizes: list[int], dice: Random) -> int | None:
    """Return after how many spans a simulated chart alarms, or None."""
    total = 0
    for n, size in enumerate(sizes, 1):
        bad = sum(dice.random() < share for _ in range(size))
        total = max(0, total + bad * chart.up - (size - bad) * chart.down)
        if total >= chart.limit:
            return n
    return None


@pytest.mark.parametrize(("share", "odds", "size"), [(0.3, 2.0, 10), (0.55, 1.5, 12), (0.1, 3.0, 5)])
def test_simulated_charts_run_as_long_as_designed(share: float, odds: float, size: int) -> None:
    """The mean of 1,500 simulated runs to a false alarm is the computed one, at least 40."""
    chart, dice = designed(share, odds, size, 40), Random(4)
    runs = [ran(chart, share, [size] * 5000, dice) or 5000 for _ in range(1500)]
    assert chart.run_length(size) >= 40
    assert sum(runs) / len(runs) == pytest.approx(chart.run_length(size), rel=0.08)


def test_simulated_changes_are_found_as_fast_as_computed() -> None:
    """After the change it is made for, 1,500 charts alarm after the computed number of spans on average."""
    chart, dice = designed(0.3, 2.0, 15, 200), Random(5)
    risen = 2 * 0.3 / (0.7 + 2 * 0.3)
    runs = [ran(chart, risen, [15] * 5000, dice) or 5000 for _ in range(1500)]
    assert sum(runs) / len(runs) == pytest.approx(chart.run_length(15, risen), rel=0.05)
    assert chart.run_length(15, risen) < 10


def test_the_chance_of_a_false_alarm_is_that_of_simulation() -> None:
    """Over 30 spans of changing sizes, as many of 3,000 charts alarm as computed."""
    chart, dice = designed(0.4, 1.8, 8, 60), Random(6)
    sizes = [3, 8, 0, 12, 9, 7] * 5
    alarms = sum(ran(chart, 0.4, sizes, dice) is not None for _ in range(3000))
    assert alarms / 3000 == pytest.approx(chart.false_alarm(sizes), abs=0.03)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 9), st.sampled_from([0.2, 0.5, 0.7]))
def test_the_chance_of_a_false_alarm_is_that_of_trying_every_case(
    up: int, down: int, limit: int, share: float
) -> None:
    """Of all 2⁷ cases of spans of 3, 2 and 2 trials, those with an alarm add up to it."""
    chart, sizes = Cusum(share, up, down, limit), [3, 2, 2]
    chance = 0.0
    for case in product((0, 1), repeat=7):
        spans = [(sum(case[:3]), 3), (sum(case[3:5]), 2), (sum(case[5:]), 2)]
        if max(chart.walk(spans)) >= limit:
            chance += prod(share if bad else 1 - share for bad in case)
    assert chart.false_alarm(sizes) == pytest.approx(chance)


@settings(max_examples=10)
@given(st.floats(0.01, 0.99), st.floats(1.1, 4), st.integers(1, 300), st.sampled_from([10, 100, 370]))
def test_the_limit_is_the_least_that_is_enough(share: float, odds: float, size: int, length: int) -> None:
    """The run length is at least the one asked for, and one point less would not be."""
    chart = designed(share, odds, size, length)
    assert chart.run_length(size) >= length
    if chart.limit > 1:
        assert attrs.evolve(chart, limit=chart.limit - 1).run_length(size) < length


def solved(chart: Cusum, size: int, share: float) -> float:
    """Return the mean run length from 0 by the linear system over every sum: (I - Q) L = 1."""
    np = pytest.importorskip("numpy")
    left = np.eye(chart.limit)
    for bad in range(size + 1):
        chance = comb(size, bad) * share**bad * (1 - share) ** (size - bad)
        for total in range(chart.limit):
            after = max(0, total + bad * chart.up - (size - bad) * chart.down)
            if after < chart.limit:
                left[total, after] -= chance
    return float(np.linalg.solve(left, np.ones(chart.limit))[0])


@settings(max_examples=15)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 60), st.integers(1, 30), st.floats(0.02, 0.98))
def test_the_run_length_solves_the_linear_system(
    up: int, down: int, limit: int, size: int, share: float
) -> None:
    """Whatever the chart, it is the solution over all sums, as far as that is exact itself."""
    chart = Cusum(share, up, down, limit)
    exact = solved(chart, size, share)
    if 0 < exact < 1e6:
        assert chart.run_length(size) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("share", "odds", "size", "length"),
    [(0.88, 1.2, 12, 370), (0.55, 1.5, 3, 5000), (0.1, 1.5, 6, 370), (0.99, 1.1, 30, 100)],
)
def test_spans_that_cannot_alarm_yet_make_no_chart_look_safe(
    share: float, odds: float, size: int, length: float
) -> None:
    """The first spans never alarm; what is said of later ones, and of the change, is still exact."""
    chart, risen = designed(share, odds, size, length), odds * share / (1 - share + odds * share)
    assert chart.run_length(size) == pytest.approx(solved(chart, size, share), rel=1e-6)
    assert chart.run_length(size, risen) == pytest.approx(solved(chart, size, risen), rel=1e-6)
    assert length <= chart.run_length(size) < 1.3 * length


def test_a_chart_whose_first_spans_cannot_alarm_runs_as_long_as_simulated() -> None:
    """300 charts for 12 trials a span of a share of 0.88 alarm falsely after 370 spans or more on average."""
    chart, dice = designed(0.88, 1.2, 12, 370), Random(7)
    runs = [ran(chart, 0.88, [12] * 20_000, dice) or 20_000 for _ in range(300)]
    assert chart.run_length(12) >= 370
    assert sum(runs) / len(runs) == pytest.approx(chart.run_length(12), rel=0.15)
