"""The absorbing chain: against exact fractions, value iteration and simulation."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.analytics.chances.chain import Chain

STAGES = ("a", "b", "c", "d")
PLACES = (*STAGES, "won", "lost")


@st.composite
def matrices(draw: st.DrawFn) -> dict[str, dict[str, int]]:
    """Draw counts of moves; from every stage a record can at least be lost."""
    return {
        stage: {place: draw(st.integers(0, 9)) for place in PLACES if place != stage}
        | {"lost": draw(st.integers(1, 9))}
        for stage in STAGES
    }


def solved(moves: dict[str, dict[str, int]]) -> dict[str, Fraction]:
    """Return the chance of a win from each stage, by Cramer-free elimination in fractions."""
    share = {a: {b: Fraction(n, sum(row.values())) for b, n in row.items()} for a, row in moves.items()}
    rows = [
        [Fraction(int(a == b)) - share[a].get(b, 0) for b in STAGES] + [share[a].get("won", Fraction(0))]
        for a in STAGES
    ]
    for n in range(len(STAGES)):
        rows[n] = [cell / rows[n][n] for cell in rows[n]]
        for m in range(len(STAGES)):
            if m != n:
                rows[m] = [x - rows[m][n] * y for x, y in zip(rows[m], rows[n], strict=True)]
    return {stage: row[-1] for stage, row in zip(STAGES, rows, strict=True)}


@given(matrices())
def test_chances_are_those_of_exact_fractions(moves: dict[str, dict[str, int]]) -> None:
    """The chance of a win from each stage solves the linear equations exactly."""
    chain, want = Chain(moves, STAGES), solved(moves)
    for stage in STAGES:
        assert chain.chance(stage, "won").value == pytest.approx(float(want[stage]), abs=1e-12)


@given(matrices())
def test_chances_are_what_value_iteration_comes_to(moves: dict[str, dict[str, int]]) -> None:
    """Playing the moves over and over converges to the chances, to the visits and to their sum, one."""
    chain = Chain(moves, STAGES)
    for start in STAGES:
        where, visits = dict.fromkeys(PLACES, 0.0) | {start: 1.0}, dict.fromkeys(STAGES, 0.0)
        for _ in range(1200):
            after = {place: where[place] if place not in STAGES else 0.0 for place in PLACES}
            for stage in STAGES:
                visits[stage] += where[stage]
                for target, count in moves[stage].items():
                    after[target] += where[stage] * count / sum(moves[stage].values())
            where = after
        won, lost = (chain.chance(start, end).value for end in ("won", "lost"))
        assert (won, lost) == (pytest.approx(where["won"], abs=1e-9), pytest.approx(where["lost"], abs=1e-9))
        assert {s: chain.visits[start].get(s, 0.0) for s in STAGES} == pytest.approx(visits, abs=1e-6)


def lived(moves: dict[str, dict[str, float]], start: str, dice: Random) -> list[str]:
    """Return the places of one record of a chain."""
    path = [start]
    while path[-1] in moves:
        row = moves[path[-1]]
        path += dice.choices(list(row), list(row.values()))
    return path


TRUE = {
    "a": {"b": 0.6, "c": 0.1, "lost": 0.3},
    "b": {"a": 0.1, "c": 0.5, "lost": 0.3, "won": 0.1},
    "c": {"b": 0.2, "won": 0.5, "lost": 0.3},
}


def counted(paths: list[list[str]]) -> dict[str, dict[str, int]]:
    """Return the moves of paths."""
    moves: dict[str, dict[str, int]] = {}
    for path in paths:
        for left, entered in pairwise(path):
            row = moves.setdefault(left, {})
            row[entered] = row.get(entered, 0) + 1
    return moves


def test_the_fitted_chain_is_what_its_simulation_does() -> None:
    """Of 20,000 records that live by the fitted moves, as many win and stay as long as the chain says."""
    dice = Random(20)
    moves = counted([lived(TRUE, "a", dice) for _ in range(500)])
    chain = Chain(moves, ("a", "b", "c"))
    paths = [lived({s: dict(row) for s, row in moves.items()}, "a", dice) for _ in range(20_000)]
    won = sum(path[-1] == "won" for path in paths) / len(paths)
    visits = {s: sum(path.count(s) for path in paths) / len(paths) for s in ("a", "b", "c")}
    assert won == pytest.approx(chain.chance("a", "won").value, abs=0.012)
    assert visits == pytest.approx(chain.visits["a"], abs=0.03)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 1,000 histories of 120 records, 93 to 97 of 100 intervals hold the true chance."""
    true = Chain({s: {t: round(100 * p) for t, p in row.items()} for s, row in TRUE.items()}, ("a", "b", "c"))
    truth = true.chance("a", "won").value
    assert truth is not None
    dice, held = Random(5), 0
    for _ in range(1000):
        chain = Chain(counted([lived(TRUE, "a", dice) for _ in range(120)]), ("a", "b", "c"))
        found = chain.chance("a", "won")
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 1000 <= 0.97


def test_a_stage_behind_one_of_which_too_little_is_known_says_so() -> None:
    """Three moves out of b are too few for a too, and say nothing against c."""
    chain = Chain({"a": {"b": 30}, "b": {"won": 3}, "c": {"won": 10, "lost": 10}}, ("a", "b", "c"), least=20)
    reason = "only 3 moves out of 'b', 20 are needed"
    assert chain.chance("a", "won").reason == chain.chance("b", "won").reason == reason
    assert chain.chance("c", "won").value == 0.5


def test_a_loop_that_nobody_has_left_has_no_chances() -> None:
    """Where records only go round, no end is known."""
    chain = Chain({"a": {"b": 5}, "b": {"a": 5}}, ("a", "b"))
    assert chain.chance("a", "won").value is None
    assert chain.chance("a", "won").reason == "nothing that came to 'a' has ended yet"


def test_a_chain_of_nothing_says_nothing() -> None:
    """Without moves there is a reason for each stage and no visits."""
    chain = Chain({}, ("a",))
    assert (chain.visits, chain.remaining("a", {})) == ({}, None)
