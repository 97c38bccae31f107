"""Wilson intervals and Kaplan-Meier curves against figures worked out by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.analytics import reference

from funnelkit.analytics import Rate, kaplan_meier, wilson
from funnelkit.analytics.times.survival import Lasted, nearest_rank
from funnelkit.errors import InputError


@pytest.mark.parametrize(
    ("x", "n", "low", "high"), [(8, 10, 0.490162, 0.943318), (0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0)]
)
def test_wilson_intervals_are_the_published_ones(x: int, n: int, low: float, high: float) -> None:
    """Eight of ten, none of ten and all of ten give the textbook bounds."""
    assert wilson(x, n) == pytest.approx((low, high), abs=1e-6)


def test_without_trials_there_is_no_interval() -> None:
    """Nothing of nothing is not known, neither 0 nor 1."""
    assert wilson(0, 0) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((5, 3), "x: 5 is not from 0 to 3"),
        ((-1, 3), "x: -1 is not from 0 to 3"),
        ((float("nan"), 3), "x: nan is not from 0 to 3"),
        ((1, 0), "x: 1 is not from 0 to 0"),
        ((0, -1), "n: -1 is no number of trials"),
        ((1, float("inf")), "n: inf is no number of trials"),
        ((1, 2, 1), "level: 1 is not between 0 and 1"),
    ],
)
def test_more_successes_than_trials_are_refused(asked: tuple[float, ...], said: str) -> None:
    """What cannot be counted has no interval, and the error names the argument."""
    with pytest.raises(InputError, match=re.escape(said)):
        wilson(*asked)


def test_a_rate_above_one_is_refused() -> None:
    """Five of three are no rate."""
    with pytest.raises(InputError, match="x: 5 is not from 0 to 3"):
        Rate.of(5, 3)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_one(counts: tuple[int, int]) -> None:
    """Low is at most the share, the share at most high, both between 0 and 1."""
    x, n = counts
    low, high = wilson(x, n) or (2, -1)
    assert 0 <= low <= x / n <= high <= 1


def test_a_rate_reads_as_a_share_of_something() -> None:
    """The text has the share, its interval and the denominator."""
    assert str(Rate.of(5113, 13087)) == "39 % (38-40) of 13,087"


def test_ends_come_before_censorings_at_the_same_time() -> None:
    """One of two ended at 3 and the other was still going then: half lasted longer than 3."""
    assert kaplan_meier([Lasted(3, 1, 1)]).after(3) == 0.5


def test_a_level_that_is_hit_exactly_is_found() -> None:
    """Of five at risk one ends at 2, 3, 4 and 5 each: exactly 2/5 last longer than 4."""
    curve = kaplan_meier([Lasted(1, 0, 1), *(Lasted(t, 1, 0) for t in (2, 3, 4, 5)), Lasted(6, 0, 1)])
    assert (curve.quantile(60), curve.quantile(61)) == (4, 5)


@given(
    st.lists(st.integers(0, 12), max_size=25),
    st.lists(st.integers(0, 12), max_size=25),
    st.sampled_from([10, 25, 50, 75, 90]),
)
@example([0, 1, 2, *[3] * 8], [2], 25)  # three quarters are left, exactly, but not in 28 digits
def test_quantiles_are_those_of_exact_fractions(ended: list[int], going: list[int], percent: int) -> None:
    """Kaplan-Meier and nearest rank agree with the slow reference for any durations."""
    lasted = [Lasted(t, 1, 0) for t in ended] + [Lasted(t, 0, 1) for t in going]
    assert kaplan_meier(lasted).quantile(percent) == reference.kaplan_meier(list(ended), list(going), percent)
    assert nearest_rank(lasted, [percent]) == (reference.nearest_rank(list(ended), percent),)
