"""Scores: what is counted, what cannot be known yet, and how true they prove in simulated offices."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analytics.histories import Edit, Place, Record, analytics, hour

from funnelkit.analytics import wilson
from funnelkit.analytics.scores.calibration import quality_of
from funnelkit.errors import InputError, TimeError

DAY = 24.0


def deal(name: str, source: str, *events: Any, created: float = 0) -> Record:
    """A deal from a source that is new when it is created."""
    first = Place(created, "sales", "new")
    return Record(name, created, "ann", ("EUR", 1), source, "", {}, (first, *events))


def closed(source: str, won: int, lost: int) -> list[Record]:
    """Deals of a source that were on the first two stages and ended a day later."""
    return [
        deal(
            f"{source}{n}",
            source,
            Place(1, "sales", "call"),
            Place(DAY, "sales", "won" if n < won else "lost"),
        )
        for n in range(won + lost)
    ]


PAST = [*closed("web", 30, 10), *closed("fair", 10, 30)]


def test_a_score_by_hand() -> None:
    """Of 40 and 40 the web has 30 and 10: (31 / 42) to (11 / 42), which is 0.738; without recency."""
    records = [*PAST, deal("w", "web"), deal("f", "fair", Place(1, "sales", "call"))]
    scores = analytics(records).scores("sales", features=["source"], half_life=None, least=10)
    assert [(row.record, round(row.chance or 0, 3)) for row in scores.rows] == [("w", 0.738), ("f", 0.262)]
    assert (scores.rows[0].helps, scores.rows[1].hurts) == ("source=web", "source=fair")
    assert (scores.rows[0].won, scores.rows[0].lost) == (40, 40)


def test_only_who_got_equally_far_is_compared() -> None:
    """On the first stage 20 more were lost; who has come to the second is not judged by them."""
    early = [deal(f"e{n}", "web", Place(2, "sales", "lost")) for n in range(20)]
    records = [*PAST, *early, deal("a", "web"), deal("b", "web", Place(1, "sales", "call"))]
    scores = {row.record: row for row in analytics(records).scores("sales", features=[], half_life=None).rows}
    assert (scores["a"].won, scores["a"].lost) == (40, 60)
    assert (scores["b"].won, scores["b"].lost) == (40, 40)
    assert scores["a"].chance == pytest.approx(41 / 102)
    assert scores["b"].chance == pytest.approx(0.5)


def test_not_enough_data_is_no_zero() -> None:
    """With too few closed ones there is no chance, and the row says what is missing."""
    (row,) = analytics([*closed("web", 3, 2), deal("w", "web")]).scores("sales", features=["source"]).rows
    assert row.chance is None
    assert row.reason == "not enough data: 3 won and 2 lost were on the stage, 30 of each are needed"


def test_what_was_learned_later_tells_nothing() -> None:
    """A field that is filled when a deal is won has its value of the arrival: not set, for everybody."""
    records = [
        deal(
            f"d{n}",
            "web",
            Edit(20, "custom.signed", n < 20),
            Place(DAY, "sales", "won" if n < 20 else "lost"),
        )
        for n in range(40)
    ]
    records.append(deal("open", "web", Edit(2, "custom.signed", value=True)))
    (row,) = analytics(records).scores("sales", features=["custom.signed"], half_life=None, least=5).rows
    assert row.chance == pytest.approx(0.5)


def test_old_records_weigh_less() -> None:
    """Forty lost ones of two half-lives ago weigh ten beside forty won ones of today."""
    old = [deal(f"o{n}", "web", Place(1, "sales", "lost")) for n in range(40)]
    new = [deal(f"n{n}", "web", Place(121 * DAY, "sales", "won"), created=120 * DAY) for n in range(40)]
    metrics = analytics([*old, *new, deal("x", "web", created=121 * DAY)], now=121.5 * DAY)
    (row,) = metrics.scores("sales", features=[], half_life=timedelta(60)).rows
    assert row.chance == pytest.approx(41 / (41 + 11))


def office(seed: int, size: int = 1500) -> list[Record]:
    """Deals of two sources and two sizes, of known chances, over a year; each ends within 60 days."""
    draw = random.Random(seed)
    records = []
    for n in range(size):
        source, small = draw.choice(["web", "fair"]), draw.random() < 0.5
        chance = {("web", True): 0.75, ("web", False): 0.5, ("fair", True): 0.5, ("fair", False): 0.25}
        start = draw.uniform(0, 365 * DAY)
        end = "won" if draw.random() < chance[source, small] else "lost"
        events = (Place(start, "sales", "new"), Place(start + draw.uniform(1, 60) * DAY, "sales", end))
        custom = {"size": "small" if small else "big"}
        records.append(Record(f"d{n}", start, "ann", ("EUR", 1), source, "", custom, events))
    return records


def test_chances_come_true() -> None:
    """In an office of known chances what comes is near to what was foretold, and beats the overall rate."""
    metrics = analytics(office(5), now=420 * DAY)
    report = metrics.score_calibration(
        [hour(250 * DAY), hour(320 * DAY)], "sales", features=["source", "custom.size"], half_life=None
    )
    assert report.decided == report.scored > 200
    told = [row for row in report.rows if row.came.denominator >= 20]
    assert len(told) >= 3
    for row in told:
        low, high = wilson(row.came.numerator, row.came.denominator, 0.998) or (0, 0)
        assert low <= (row.foretold or 0) <= high
    assert report.brier is not None
    assert report.base_brier is not None
    assert report.brier < report.base_brier - 0.01
    assert report.auc is not None
    assert report.auc > 0.6


def test_who_has_not_ended_is_counted_apart() -> None:
    """A record that is still open proves nothing, and is among the undecided."""
    records = [*PAST, deal("still", "web", created=DAY * 2)]
    report = analytics(records, now=10 * DAY).score_calibration([hour(3 * DAY)], "sales", least=5)
    assert (report.scored, report.decided, report.ids("undecided")) == (1, 0, ["still"])
    assert (report.brier, report.about.complete) == (None, False)


pairs = st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=2, max_size=30)


@given(pairs)
def test_quality_is_what_another_library_says(foretold: list[tuple[float, bool]]) -> None:
    """Brier score, log loss and AUC of any pairs, against scikit-learn."""
    learn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    chances, ends = [chance for chance, _ in foretold], [end for _, end in foretold]
    found = quality_of(foretold)
    assert found["brier"] == pytest.approx(learn.brier_score_loss(ends, chances))
    assert found["log_loss"] == pytest.approx(learn.log_loss(ends, chances, labels=[False, True]))
    if len(set(ends)) == 2:
        assert found["auc"] == pytest.approx(learn.roc_auc_score(ends, chances))


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": ["sorce"]},
        {"features": "source"},
        {"features": ["source"] * 2},
        {"least": 0},
        {"by": "owner"},
    ],
)
def test_what_cannot_be_scored_by_is_refused(wrong: dict[str, Any]) -> None:
    """Unknown and repeated features, no number of records, and groups are named."""
    with pytest.raises(InputError):
        analytics([]).scores("sales", **wrong)


def test_nothing_came_of_a_moment_that_is_not_over() -> None:
    """A moment after as_of is refused."""
    with pytest.raises(TimeError, match="moments"):
        analytics([], now=5).score_calibration([hour(6)], "sales")


@pytest.mark.parametrize(
    ("moments", "problem"),
    [([], "there are none"), (hour(1), "is no list"), ("now", "is no list"), (3, "is no")],
)
def test_moments_are_a_list_that_holds_some(moments: Any, problem: str) -> None:
    """Of no moment nothing can be said, and one moment is no list."""
    with pytest.raises(InputError, match=f"moments: .*{problem}"):
        analytics([], now=5).score_calibration(moments, "sales")
