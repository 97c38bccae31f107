"""Correlations against a slow count over bare histories, offices whose truth is known, and by hand."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from math import comb
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import OUTCOMES, Place, Record, analytics, histories
from tests.analytics.reference import Asked
from tests.analytics.test_against_reference import questions, said

from funnelkit.errors import InputError

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

FEATURES = ("owner", "source", "campaign", "repeat", "custom.segment")
COLUMNS = ("won", "lost", "others_won", "others_lost")

Cells = dict[tuple[str, str, str], set[str]]
"""(feature, value as JSON, column) → records."""


@st.composite
def mostly_closed(draw: st.DrawFn) -> list[Record]:
    """Draw histories of all sorts, most of which end with a win or a loss."""
    records = []
    for record in draw(histories(12)):
        last = [event for event in record.events if isinstance(event, Place)][-1]
        end, wait = draw(st.sampled_from(["won", "lost", ""])), draw(st.sampled_from([0, 1]))
        closing = (Place(record.events[-1].t + wait, last.pipeline, end),)
        more = closing if end and last.place not in OUTCOMES else ()
        records.append(record._replace(events=(*record.events, *more)))
    return records


def counted(records: list[Record], asked: Asked) -> Cells:
    """Walk every record for every value: it is with it or without it, and won or lost."""
    found: Cells = {}
    for feature in FEATURES:
        ends = ref.endings(records, asked._replace(by=feature))
        for value in {json.dumps(value) for value, _ in ends}:
            for column in COLUMNS:
                found[feature, value, column] = {
                    life.record.id
                    for (other, outcome), lives in ends.items()
                    for life in lives
                    if outcome == column.removeprefix("others_")
                    and (json.dumps(other) != value) == column.startswith("others_")
                }
    return found


class Judged(NamedTuple):
    """What the counts of one value say."""

    ratio: Fraction
    p: Fraction


def judged(won: int, lost: int, others_won: int, others_lost: int) -> Judged:
    """Return the odds ratio and Fisher's p-value in fractions: every table with these margins, one by one."""
    wins, size, whole = won + others_won, won + lost, won + lost + others_won + others_lost
    ways = {x: comb(size, x) * comb(whole - size, wins - x) for x in range(min(size, wins) + 1)}
    p = Fraction(sum(way for way in ways.values() if way <= ways[won]), comb(whole, wins))
    return Judged(Fraction((won + 1) * (others_lost + 1), (lost + 1) * (others_won + 1)), p)


def false_share(p: Fraction, among: Iterable[Fraction]) -> Fraction:
    """Return the least share of false alarms at which a p-value is believed: every cut is tried."""
    all_p = list(among)
    cuts = (cut for cut in all_p if cut >= p)
    return min(cut * len(all_p) / sum(other <= cut for other in all_p) for cut in cuts)


@few
@given(records=mostly_closed(), asked=st.just(Asked()) | questions())
def test_every_number_is_counted_from_bare_histories(records: list[Record], asked: Asked) -> None:
    """Counts, the records behind them, ratios, p and q are those of a slow walk and of exact fractions."""
    asked = asked._replace(by=None)
    want = counted(records, asked)
    found = analytics(records).correlations(
        asked.pipeline, features=FEATURES, minimum=1, **said(asked, closed=True)
    )
    cells: Cells = {
        (row.feature, json.dumps(row.group), column): set(found.ids(row.feature, column, group=row.group))
        for row in found.rows
        for column in COLUMNS
    }
    assert cells == want
    tested = {}
    for row in found.rows:
        counts = [getattr(row, column) for column in COLUMNS]
        assert counts == [len(want[row.feature, json.dumps(row.group), column]) for column in COLUMNS]
        assert (row.rate.numerator, row.rate.denominator) == (row.won, row.won + row.lost)
        assert (row.others.numerator, row.others.denominator) == (counts[2], counts[2] + counts[3])
        if counts[2] + counts[3]:
            tested[row] = judged(*counts)
    pairs = {
        feature for feature in FEATURES if len([row for row in found.rows if row.feature == feature]) == 2
    }
    tests = [truth.p for row, truth in tested.items() if row.feature not in pairs]
    tests += {row.feature: truth.p for row, truth in tested.items() if row.feature in pairs}.values()
    for row in found.rows:
        truth = tested.get(row)
        assert (row.odds_ratio is None) == (row.p is None) == (row.q is None) == (truth is None)
        if truth:
            q = false_share(truth.p, tests)
            assert (row.odds_ratio, row.p) == pytest.approx((float(truth.ratio), float(truth.p)))
            assert row.q == pytest.approx(float(q))


@few
@given(records=mostly_closed())
def test_every_record_is_with_a_value_or_without_it(records: list[Record]) -> None:
    """The four counts of any row are all closed records, each once, and so are the rows of any feature."""
    metrics = analytics(records)
    (whole,) = metrics.win_rate("sales").rows
    with_it: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in metrics.correlations("sales", features=FEATURES).rows:
        assert (row.won + row.others_won, row.lost + row.others_lost) == (whole.won, whole.lost)
        with_it[row.feature][0] += row.won
        with_it[row.feature][1] += row.lost
    assert all(pair == [whole.won, whole.lost] for pair in with_it.values())


class Ended(NamedTuple):
    """So many records of one source, and of one size, that were won and lost."""

    source: str
    size: int | None
    won: int
    lost: int


def closed(*parts: Ended) -> list[Record]:
    """Records that came, and were won or lost an hour later."""
    return [
        Record(
            f"{part.source}-{part.size}-{n}",
            0,
            "",
            ("", 0),
            part.source,
            "",
            {} if part.size is None else {"size": part.size},
            (Place(0, "sales", "new"), Place(1, "sales", "won" if n < part.won else "lost")),
        )
        for part in parts
        for n in range(part.won + part.lost)
    ]


def test_a_correlation_by_hand() -> None:
    """40 won of 100 against 20 of 100: odds 41 x 81 by 61 x 21, twice as many wins, and not by chance."""
    web, fair = (
        analytics(closed(Ended("web", None, 40, 60), Ended("fair", None, 20, 80)))
        .correlations("sales", features=["source"])
        .rows
    )
    assert (web.group, web.goes_with, fair.group, fair.goes_with) == ("web", "winning", "fair", "losing")
    assert web.odds_ratio == pytest.approx(41 * 81 / (61 * 21))
    spread = 1.959964 * (1 / 41 + 1 / 61 + 1 / 21 + 1 / 81) ** 0.5
    assert (web.low, web.high) == pytest.approx(
        (2.592506 * 2.718281828**-spread, 2.592506 * 2.718281828**spread), rel=1e-5
    )
    assert (web.p, web.q) == pytest.approx((float(judged(40, 60, 20, 80).p),) * 2)
    assert round(web.p or 1, 4) == 0.0032
    assert (web.odds_ratio or 0) * (fair.odds_ratio or 0) == pytest.approx(1.0)
    assert web.p == fair.p


def test_findings_come_first_and_the_greatest_odds_of_each() -> None:
    """What goes with winning is on top, what may be chance and what is too little below the losing ones."""
    parts = (
        Ended("web", 1, 80, 20),
        Ended("fair", 2, 10, 90),
        Ended("call", 3, 47, 53),
        Ended("ad", None, 9, 0),
    )
    rows = analytics(closed(*parts)).correlations("sales", features=["source"]).rows
    assert [(row.group, row.goes_with, bool(row.reason)) for row in rows] == [
        ("web", "winning", False),
        ("fair", "losing", False),
        ("call", "", False),
        ("ad", "", True),
    ]


def test_the_two_values_of_a_feature_are_one_test() -> None:
    """Each is the others of the other; three sizes are three tests, so four were made, and not five."""
    parts = Ended("web", 1, 40, 60), Ended("web", 2, 30, 20), Ended("fair", 3, 20, 80), Ended("fair", 2, 9, 7)
    rows = analytics(closed(*parts)).correlations("sales", features=["source", "custom.size"]).rows
    web, fair, *sizes = sorted(rows, key=lambda row: (row.feature != "source", row.group != "web"))
    made = [judged(row.won, row.lost, row.others_won, row.others_lost).p for row in (web, *sizes)]
    assert len(made) == 4
    assert web.q == fair.q == pytest.approx(float(false_share(made[0], made)))
    assert web.q != pytest.approx(float(false_share(made[0], [made[0], *made])))


def test_with_too_few_on_either_side_nothing_is_said() -> None:
    """Below the minimum with the value, or without it, a row has its counts and rates, and says why."""
    metrics = analytics(closed(Ended("web", None, 20, 20), Ended("fair", None, 9, 0)))
    for row in metrics.correlations("sales", features=["source", "campaign"], minimum=10).rows:
        assert (row.odds_ratio, row.low, row.high, row.p, row.q, row.goes_with) == (*[None] * 5, "")
        assert row.reason == "not enough data: fewer than 10 with it, or without it"
        assert row.rate.value is not None


def test_the_prior_alone_claims_nothing() -> None:
    """None of 30 won where one in a thousand does: one more of each makes a ratio above 1, of no weight."""
    parts = Ended("web", None, 0, 30), Ended("fair", None, 1, 999)
    rows = analytics(closed(*parts)).correlations("sales", features=["source"]).rows
    (web,) = (row for row in rows if row.group == "web")
    assert web.odds_ratio == pytest.approx(1000 / 62)
    assert (web.p, web.goes_with) == (1.0, "")


def test_a_number_an_unset_field_and_a_text_are_values() -> None:
    """Each value of a custom field is what it was set to, and records can be listed by it."""
    metrics = analytics(closed(Ended("a", 5, 1, 2), Ended("b", None, 3, 0)))
    found = metrics.correlations("sales", features=["custom.size"], minimum=1)
    assert {row.group: (row.won, row.lost) for row in found.rows} == {5: (1, 2), None: (3, 0)}
    assert found.ids("custom.size", "won", group=None) == ["b-None-0", "b-None-1", "b-None-2"]
    assert found.ids("custom.size", "others_lost", group=None) == ["a-5-1", "a-5-2"]


def office(seed: int, chances: dict[str, float], size: int) -> list[Record]:
    """Deals of some sources and of twelve owners, who do not matter; won by the chance of the source."""
    draw = random.Random(seed)
    return [
        Record(
            f"d{n}",
            0,
            f"owner {draw.randrange(12)}",
            ("", 0),
            source,
            "",
            {},
            (Place(0, "sales", "new"), Place(1, "sales", "won" if draw.random() < chance else "lost")),
        )
        for n in range(size)
        for source, chance in [draw.choice(sorted(chances.items()))]
    ]


def test_a_planted_correlation_is_found_and_nothing_else() -> None:
    """Of sixteen values one goes with winning; it is found, and the owners are not."""
    chances = {"web": 0.3, "call": 0.3, "fair": 0.3, "partner": 0.6}
    found = analytics(office(5, chances, 1200)).correlations("sales", features=["owner", "source"])
    (best, *_) = found.rows
    assert (best.group, best.goes_with) == ("partner", "winning")
    assert {row.feature for row in found.rows if row.goes_with} == {"source"}
    assert best.low is not None
    assert best.high is not None
    assert best.low <= (0.6 / 0.4) / (0.3 / 0.7) <= best.high


def test_where_nothing_matters_little_is_found() -> None:
    """In 40 offices without any correlation at most five claim one of their 15 values (5 % are asked for)."""
    offices = (office(seed, dict.fromkeys(("web", "call", "fair"), 0.4), 500) for seed in range(40))
    claims = [
        any(row.goes_with for row in analytics(one).correlations("sales", features=["owner", "source"]).rows)
        for one in offices
    ]
    assert sum(claims) <= 5


@pytest.mark.parametrize(
    "wrong",
    [
        *({"level": level} for level in (0, 1, "x", None)),
        *({"minimum": minimum} for minimum in (0, True, "30")),
        *({"features": given} for given in (["stage"], "source", None, [], ["custom."], [["source"]], [1])),
        {"features": ["source", "source"]},
        {"by": "source"},
    ],
)
def test_what_cannot_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    """Levels and minima out of range, groups, and what is no feature, are named."""
    with pytest.raises(InputError, match=next(iter(wrong))):
        analytics([]).correlations("sales", **wrong)


def test_features_may_come_from_anything_that_yields_them() -> None:
    """A generator is as good as a list."""
    assert analytics([]).correlations("sales", features=(name for name in ["source"])).rows == ()


@pytest.mark.parametrize("cell", [("owner", "won"), ("source", "open"), ("source",)])
def test_only_what_was_asked_for_has_records_behind_it(cell: tuple[str, ...]) -> None:
    """A feature that was not looked at, and a column that is no count, have none."""
    found = analytics(closed(Ended("web", None, 1, 1))).correlations("sales", features=["source"])
    with pytest.raises((InputError, TypeError)):
        found.ids(*cell, group="web")
