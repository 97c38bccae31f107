"""Aalen-Johansen: ties, time zero, exact fractions, variance, and intervals that cover."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analytics.cohorts.reference_cohorts import shares

from funnelkit.analytics import kaplan_meier, wilson
from funnelkit.analytics.times.incidence import aalen_johansen
from funnelkit.analytics.times.survival import Lasted

lives = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from(["", "", "won", "lost"])), min_size=1, max_size=14
)


def one_each(drawn: list[tuple[int, str]]) -> list[tuple[int, str, int]]:
    """Return each life as one record."""
    return [(age, end, 1) for age, end in drawn]


@given(lives, st.integers(0, 9))
def test_the_shares_are_those_of_handing_weights_on(drawn: list[tuple[int, str]], age: int) -> None:
    """Every share is, as a fraction, what Efron's redistribution of weights gives; so is what is unknown."""
    then, want = aalen_johansen(one_each(drawn)).at(age), shares(drawn, age)
    assert then.known == (want is not None)
    if want is not None:
        assert {end: share for end, share in then.shares.items() if share} | {"": then.open} == want


@given(lives, st.integers(0, 9))
def test_the_shares_add_up_to_one(drawn: list[tuple[int, str]], age: int) -> None:
    """Won, lost and open are all there is, exactly."""
    then = aalen_johansen(one_each(drawn)).at(age)
    assert sum(then.shares.values()) + then.open == 1


@given(lives, lives, st.integers(0, 9))
def test_counts_of_two_halves_put_together_are_the_whole(
    one: list[tuple[int, str]], other: list[tuple[int, str]], age: int
) -> None:
    """The order and the packing of the records do not matter."""
    packed: dict[tuple[int, str], int] = {}
    for life in one + other:
        packed[life] = packed.get(life, 0) + 1
    together = aalen_johansen([(*life, count) for life, count in packed.items()])
    assert together.at(age) == aalen_johansen(one_each(other + one)).at(age)


@given(lives, st.integers(0, 9))
def test_what_is_open_is_what_kaplan_meier_says(drawn: list[tuple[int, str]], age: int) -> None:
    """With all ends taken for one, the open share is the survival curve, and the quantiles are its own."""
    curve = aalen_johansen(one_each(drawn))
    survival = kaplan_meier([Lasted(t, int(end != ""), int(end == "")) for t, end in drawn])
    assert float(curve.at(age).open) == pytest.approx(survival.after(age), abs=1e-12)
    assert [curve.when(q) for q in (25, 50, 75)] == [survival.quantile(q) for q in (25, 50, 75)]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["won", "lost"])), min_size=1), st.integers(0, 9)
)
def test_where_nothing_is_open_it_is_a_plain_share(drawn: list[tuple[int, str]], age: int) -> None:
    """Without open records the share is a count, and its interval is Wilson's of that count."""
    n, won = len(drawn), sum(end == "won" and t <= age for t, end in drawn)
    found = aalen_johansen(one_each(drawn)).at(age).estimate("won")
    assert (found.value, (found.low, found.high)) == (won / n, pytest.approx(wilson(won, n)))


def test_a_very_long_curve_still_adds_up_to_one() -> None:
    """Where exact fractions would grow too long they are rounded, to far below one record."""
    rows = [(t, "" if t % 3 else "won", 1) for t in range(6_000)]
    curve = aalen_johansen(rows)
    then = curve.at(5_000)
    assert then.shares["won"] + then.open == 1
    survival = kaplan_meier([Lasted(t, int(end != ""), int(end == "")) for t, end, _ in rows])
    assert float(then.open) == pytest.approx(survival.after(5_000), rel=1e-13)


def test_shares_and_variances_are_those_of_lifelines() -> None:
    """On untied ages above zero the share and its variance are those of a known library."""
    lifelines = pytest.importorskip("lifelines", reason="the comparison needs lifelines")
    chance = random.Random(1)
    ages = [chance.randint(1, 10**9) for _ in range(60)]
    ends = [chance.choice([0, 1, 2]) for _ in ages]
    curve = aalen_johansen([(t, ("", "1", "2")[end], 1) for t, end in zip(ages, ends, strict=True)])
    other = lifelines.AalenJohansenFitter(calculate_variance=True).fit(ages, ends, event_of_interest=1)
    for age in sorted(ages)[:-1]:  # it divides by zero at the last
        then = curve.at(age)
        assert float(then.shares["1"]) == pytest.approx(other.cumulative_density_.loc[:age].iloc[-1, 0])
        assert then.variances["1"] == pytest.approx(other.variance_.loc[:age].iloc[-1])


def test_the_restricted_mean_is_the_area_under_the_open_share() -> None:
    """Two of four end at 2, one is last seen at 3, one ends at 4: 2 + 2 × 1/2 up to 4, and no more after."""
    curve = aalen_johansen([(2, "won", 2), (3, "", 1), (4, "lost", 1)])
    assert [curve.mean_to(age) for age in (1, 3, 4, 10)] == [1, Fraction(5, 2), 3, 3]


def covered(size: int, times: int, seed: int) -> dict[tuple[str, int], float]:
    """Return how often the 95 % intervals, where there are any, hold the truth of constant hazards."""
    chance = random.Random(seed)
    win, lose = 1 / 120, 1 / 90
    ages = (30, 90)
    still = {age: math.exp(-(win + lose) * age) for age in ages}
    truth = {("", age): share for age, share in still.items()}
    truth |= {("won", age): win / (win + lose) * (1 - share) for age, share in still.items()}
    truth |= {("lost", age): lose / (win + lose) * (1 - share) for age, share in still.items()}
    hits, tries = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
    for _ in range(times):
        rows = []
        for _ in range(size):
            ended, watched = chance.expovariate(win + lose), chance.uniform(0, 180)
            end = "won" if chance.random() < win / (win + lose) else "lost"
            rows.append((math.ceil(24 * min(ended, watched)), end if ended <= watched else "", 1))
        curve = aalen_johansen(rows)
        for age in ages:
            then = curve.at(24 * age)
            for end in ("won", "lost", ""):
                found = then.estimate(end or None)
                if found.low is not None and found.high is not None:
                    tries[end, age] += 1
                    hits[end, age] += found.low <= truth[end, age] <= found.high
    return {cell: count / tries[cell] for cell, count in hits.items()}


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of 1,500 drawn cohorts of 50, 93 to 97 % of the intervals hold the known chance."""
    assert all(0.93 <= share <= 0.97 for share in covered(50, 1_500, seed=11).values())


@pytest.mark.slow
@pytest.mark.parametrize("size", [30, 200])
def test_intervals_hold_the_truth_for_cohorts_of_every_size(size: int) -> None:
    """Of 3,000 drawn cohorts, 93 to 97 % of the intervals hold the known chance."""
    assert all(0.93 <= share <= 0.97 for share in covered(size, 3_000, seed=size).values())
