"""Changes of step rates and stay times: what is counted, what is found, and how often it is wrong."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.drift.reference_drift import trials
from tests.analytics.histories import Place, Record, analytics, histories, hour
from tests.analytics.reference import Asked
from tests.analytics.test_against_reference import questions, said

from funnelkit.analytics import Rate
from funnelkit.analytics.drift.cusum import designed
from funnelkit.analytics.drift.periods import cuts
from funnelkit.analytics.drift.trials import Span
from funnelkit.errors import InputError

few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
WEEK = 168


@few
@given(
    histories(most=12), questions(), st.sampled_from([1, 2, 4]), st.sampled_from([2, 3]), st.integers(3, 12)
)
def test_what_is_compared_is_what_brute_force_counts(
    records: list[Record], asked: Asked, within: int, every: int, since: int
) -> None:
    """Shares before and after, and their records, are those of the reference, whole spans only."""
    since = min(since, int(asked.as_of))
    found = analytics(records).drift(
        asked.pipeline, within=f"{within}h", every=f"{every}h", since=hour(since), least=1, **said(asked)
    )
    want = trials(records, asked, dict.fromkeys(asked.order, float(within)))
    young = 0
    for row in found.rows:
        mine = want.get((row.group, row.stage), [])
        sides: dict[bool, list[tuple[bool, str]]] = {True: [], False: []}
        for t, went, _, name in mine:
            start = since + (t - since) // every * every
            if start + every + within <= asked.as_of:
                sides[start < since].append((went, name))
            elif row.way == "worse":
                young += 1
        for side, rate in ((True, row.before), (False, row.after)):
            hits = sum(went for went, _ in sides[side])
            assert rate == Rate.of(hits, len(sides[side]), "no stay is over")
            which = "before" if side else "after"
            assert found.ids(row.stage, which, group=row.group) == sorted({name for _, name in sides[side]})
    seen = {(row.group, row.stage) for row in found.rows}
    young += sum(len(many) for cell, many in want.items() if cell not in seen)
    assert sum(found.about.quality.values()) == young


@few
@given(histories(most=12), questions(), st.integers(3, 12))
def test_for_times_the_limit_is_the_median_known_then(
    records: list[Record], asked: Asked, since: int
) -> None:
    """A stay is over the limit when it lasts longer than the median by Kaplan-Meier as of ``since``."""
    since = min(since, int(asked.as_of))
    metrics = analytics(records)
    found = metrics.drift(asked.pipeline, what="time", every="3h", since=hour(since), least=1, **said(asked))
    then = metrics.time_in_stage(asked.pipeline, **(said(asked) | {"as_of": hour(since), "by": None}))
    medians = {row.stage: row.km_p50 / timedelta(hours=1) for row in then.rows if row.km_p50 is not None}
    if asked.custom is not None:
        return  # a field that is edited later is another filter as of then
    want = trials(records, asked, medians)
    for row in found.rows:
        if row.stage not in medians:
            assert row.reason == "the median time before is not known"
            continue
        over: Counter[bool] = Counter()
        size: Counter[bool] = Counter()
        for t, _, waited, _ in want.get((row.group, row.stage), []):
            start = since + (t - since) // 3 * 3
            if start + 3 + medians[row.stage] <= asked.as_of:
                over[start < since] += waited
                size[start < since] += 1
        assert (row.before.numerator, row.before.denominator) == (over[True], size[True])
        assert (row.after.numerator, row.after.denominator) == (over[False], size[False])


def process(seed: int, weeks: int, share: Any, hours: Any, size: int = 12) -> list[Record]:
    """Return records of which, week by week, a share goes from new to call, after some hours."""
    dice, records = Random(seed), []
    for week in range(weeks):
        for n in range(size):
            t = week * WEEK + dice.randint(0, WEEK - 1)
            goes = "call" if dice.random() < share(week) else "lost"
            left = t + dice.expovariate(1 / hours(week))
            events = (Place(t, "sales", "new"), Place(left, "sales", goes))
            records.append(Record(f"d{week}-{n}", t, "", ("", 0), "", "", {}, events))
    return records


def watched(records: list[Record], what: Any, weeks: int = 60) -> Any:
    """Return the drift of the second half."""
    metrics = analytics(records, now=weeks * WEEK)
    return metrics.drift("sales", what=what, within="7d", since=hour(weeks // 2 * WEEK), run_length=200)


def test_a_planted_fall_of_a_rate_is_found_soon_and_dated() -> None:
    """From week 40 on half as many go forward: an alarm, weeks later, that mostly points at week 40."""
    dated = []
    for seed in range(1, 6):
        fallen = process(seed, 60, lambda week: 0.6 if week < 40 else 0.3, lambda _: 10, size=40)
        (alarm,) = watched(fallen, "rate").alarms
        assert (alarm.stage, alarm.way) == ("new", "worse")
        assert hour(40 * WEEK) < alarm.alarm <= hour(48 * WEEK)
        assert alarm.found_after < 8
        dated.append(alarm.changed)
    assert abs(sorted(dated)[2] - hour(40 * WEEK)) <= timedelta(weeks=2)


def test_a_planted_delay_is_found_where_the_rate_stays() -> None:
    """From week 40 on everything takes twice as long: slower, and no worse."""
    records = process(2, 60, lambda _: 0.6, lambda week: 10 if week < 40 else 25)
    (alarm,) = watched(records, "time").alarms
    assert (alarm.stage, alarm.way) == ("new", "slower")
    assert hour(40 * WEEK) < alarm.alarm <= hour(48 * WEEK)
    assert watched(records, "rate").alarms == ()


def test_false_alarms_are_as_rare_as_stated() -> None:
    """Of 500 unchanged histories as many alarm as they state, though the reference is a sample itself."""
    dice, alarms, stated = Random(9), 0, 0.0
    for _ in range(500):
        before = sum(dice.random() < 0.5 for _ in range(1500))
        chart = designed(before / 1500, 2.0, 30, 200)
        walk = chart.walk([(span.hits, span.trials) for span in spans([(20, 0.5)], dice, 30)])
        alarms += max(walk) >= chart.limit
        stated += chart.false_alarm([30] * 20)
    assert alarms / 500 == pytest.approx(stated / 500, abs=0.03)
    assert stated / 500 < 0.12


def test_too_little_to_watch_says_so() -> None:
    """Fewer stays than asked for, a share of none, and a watch that has not begun each have their reason."""
    few_ = process(1, 4, lambda _: 0.5, lambda _: 10)
    metrics = analytics(few_, now=4 * WEEK)
    assert metrics.drift("sales", since=hour(300)).rows[0].reason == "only 0 stays before, 50 are needed"
    none = analytics(process(1, 30, lambda _: 0.0, lambda _: 10), now=30 * WEEK)
    found = none.drift("sales", within="7d", since=hour(15 * WEEK)).rows[0]
    assert found.reason == "0 of 180 before: there is no share to watch"
    assert none.drift("sales", within="7d").rows[-1].reason.startswith("only 0 stays")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"odds": 1.0}, {"odds": "x"}, {"odds": float("nan")}, {"least": "x"}, {"least": 0}),
        *({"run_length": 1}, {"run_length": float("inf")}, {"every": "0d"}, {"what": "pace"}),
    ],
)
def test_a_watch_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """Each is refused by name."""
    with pytest.raises(InputError):
        analytics([]).drift("sales", **wrong)


def spans(shares: list[tuple[int, float]], dice: Random, size: int = 40) -> list[Span]:
    """Return spans drawn with shares, each for so many spans."""
    every = [share for count, share in shares for _ in range(count)]
    return [Span(n, sum(dice.random() < share for _ in range(size)), size) for n, share in enumerate(every)]


def test_planted_cuts_are_recovered() -> None:
    """Three levels give a cut within two spans of each place, and in nine of ten draws no other."""
    drawn = [cuts(spans([(30, 0.5), (20, 0.25), (30, 0.6)], Random(seed))) for seed in range(40)]
    assert all(min(abs(cut - at) for cut in found) <= 2 for found in drawn for at in (30, 50))
    assert sum(len(found) == 2 for found in drawn) >= 36


def test_a_history_without_a_change_is_seldom_cut() -> None:
    """Of 400 unchanged histories of 80 spans fewer than 5 of 100 are cut."""
    assert sum(bool(cuts(spans([(80, 0.4)], Random(seed)))) for seed in range(400)) < 20


def test_periods_show_the_levels_and_their_records() -> None:
    """A fall in week 40 gives two periods, whose shares are those of their weeks and whose ids are theirs."""
    records = process(3, 60, lambda week: 0.7 if week < 40 else 0.3, lambda _: 10)
    found = analytics(records, now=60 * WEEK).periods("sales", within="7d")
    old, new = (row for row in found.rows if row.stage == "new")
    assert abs(old.end - hour(40 * WEEK)) <= timedelta(weeks=1)
    assert (old.end, old.share.denominator + new.share.denominator) == (new.start, 59 * 12 - _young(found))
    assert found.ids("new", "1") == sorted(
        record.id for record in records if new.start <= hour(record.created) < new.end
    )


def _young(found: Any) -> int:
    """Return how many stays were over, but not their span."""
    start = max(row.end for row in found.rows if row.stage == "new")
    return 12 * int((hour(59 * WEEK) - start) / timedelta(weeks=1))
