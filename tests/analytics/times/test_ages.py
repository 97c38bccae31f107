"""Durations counted in units: exact quantiles whatever the unit, and sources that rank by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import Database, Place, Record, analytics, feed, histories, hour

from funnelkit.analytics import Analytics, Shape
from funnelkit.analytics.times import ages
from funnelkit.clock import FrozenClock
from funnelkit.errors import TimeError

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
PERCENTS = (10, 25, 50, 75, 90)


def stayed(microseconds: Sequence[int]) -> list[Record]:
    """Return records that stayed so long on the first stage."""
    return [
        Record(
            f"d{n}",
            0,
            "",
            ("", 0),
            "",
            "",
            {},
            (Place(0, "sales", "new"), Place(lasted / 3.6e9, "sales", "call")),
        )
        for n, lasted in enumerate(microseconds)
    ]


long = st.integers(0, 10**7) | st.integers(0, 10**13)


def test_a_unit_wider_than_a_year_is_refused() -> None:
    """It would tell nothing apart; it is named before anything is asked."""
    with pytest.raises(
        TimeError, match=r'unit: .* is too wide to tell durations apart \(give "1h" or "1d"\)'
    ):
        analytics([]).time_in_stage("sales", unit="400d")


@few
@given(st.lists(long, min_size=1, max_size=12), st.sampled_from(["1s", "1m", "1h", "7h"]))
def test_quantiles_are_exact_whatever_the_unit(lasted: list[int], unit: str) -> None:
    """Each quantile is a duration that occurred, to the microsecond, by nearest rank."""
    row = analytics(stayed(lasted)).time_in_stage("sales", unit=unit).rows[0]
    want = [timedelta(microseconds=ref.nearest_rank(lasted, q) or 0) for q in PERCENTS]
    assert [row.p10, row.p25, row.p50, row.p75, row.p90] == want
    assert row.total_days == pytest.approx(sum(lasted) / 86_400e6)


@few
@given(st.lists(long, min_size=1, max_size=12))
def test_looking_step_by_step_finds_the_same(lasted: list[int]) -> None:
    """Where a unit holds too many to look at once, it is looked at in finer and finer steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ages, "_FEW", 0)
        row = analytics(stayed(lasted)).time_in_stage("sales").rows[0]
        assert row.p50 == timedelta(microseconds=ref.nearest_rank(lasted, 50) or 0)


@few
@given(st.lists(long, min_size=1, max_size=12), st.sampled_from([1, 60, 3600]))
def test_kaplan_meier_is_rounded_up_to_the_unit(lasted: list[int], seconds: int) -> None:
    """With nothing open its median is that of the closed stays, less than a unit longer; 24 beyond 1,440."""
    row = analytics(stayed(lasted)).time_in_stage("sales", unit=f"{seconds}s").rows[0]
    assert row.km_p50 is not None
    assert row.p50 is not None
    unit = timedelta(seconds=seconds)
    widest = unit if row.p50 <= 1440 * unit else 24 * unit
    assert timedelta(0) <= row.km_p50 - row.p50 < widest


class Ranked(Database):
    """A database that ranks by itself, and keeps what it was asked."""

    def ranked(self, sql: str, params: Mapping[str, Any], percents: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return quantiles, found in Python."""
        groups: dict[tuple[str, str], list[float]] = {}
        for key, stage, number in self.query(sql, params):
            groups.setdefault((key, stage), []).append(number)
        return [(*cell, *(ref.nearest_rank(n, q) for q in percents)) for cell, n in groups.items()]


@few
@given(histories(), st.sampled_from([None, "owner"]), st.sampled_from(["stay", "record"]))
def test_a_source_that_ranks_by_itself_answers_the_same(records: list[Record], by: Any, each: Any) -> None:
    """The rows are equal with and without it."""
    plain = feed(records)
    ranked = Ranked()
    plain.connection.commit()
    plain.connection.backup(ranked.connection)
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in ("new", "call", "offer", "deal")))
    tables = [
        [
            row.values()
            for row in Analytics(source, [shape], FrozenClock(hour(99))).time_in_stage(by=by, each=each).rows
        ]
        for source in (plain, ranked)
    ]
    assert tables[0] == tables[1]


@few
@given(histories(), st.sampled_from([None, "owner"]))
def test_the_stays_of_a_record_put_together(records: list[Record], by: Any) -> None:
    """Sums by record, and what is open among them, equal those of adding the stays up by hand."""
    asked = ref.Asked(by=by)
    sums: dict[tuple[Any, str], dict[str, list[float]]] = {}
    for (key, stage, which), many in ref.stays(records, asked).items():
        for lasted, name in many:
            entry = sums.setdefault((key, stage), {}).setdefault(name, [0, 0])
            entry[0] += lasted
            entry[1] += which == "open"
    found = analytics(records).time_in_stage("sales", each="record", by=by)
    for row in found.rows:
        cell = sums.get((row.group, row.stage), {})
        ended = [lasted for lasted, is_open in cell.values() if not is_open]
        median = ref.nearest_rank(ended, 50)
        assert (row.closed, row.open) == (len(ended), len(cell) - len(ended))
        assert row.p50 == (None if median is None else timedelta(hours=median))
        going = [lasted for lasted, is_open in cell.values() if is_open]
        km = ref.kaplan_meier(ended, going, 50)
        assert row.km_p50 == (None if km is None else timedelta(hours=km))
        assert found.ids(row.stage, "closed", group=row.group) == sorted(
            n for n, e in cell.items() if not e[1]
        )
