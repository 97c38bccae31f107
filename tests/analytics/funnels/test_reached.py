"""The reached funnel off carried facts is the one that is worked out row by row, to the last unit."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analytics.histories import PIPELINES, Edit, Place, Record, analytics, feed, histories, hour

from funnelkit.analytics import Analytics, Funnel, Shape
from funnelkit.analytics.funnels import reached
from funnelkit.clock import FrozenClock
from funnelkit.errors import InputError

FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"owner": "ann"},
    {"source": "web"},
    {"campaign": "spring", "owner": "bob"},
    {"repeat": "deal"},
    {"as_of": hour(8)},
    {"created": (hour(2), hour(9)), "as_of": hour(14)},
)
EDITS = (("source", "web"), ("source", "fair"), ("campaign", "spring"), ("campaign", ""))


@st.composite
def edited(draw: st.DrawFn) -> list[Record]:
    """Draw histories in which sources and campaigns change hands, too."""
    records = []
    for record in draw(histories()):
        events = list(record.events)
        for field, text in draw(st.lists(st.sampled_from(EDITS), max_size=2)):
            at = draw(st.integers(1, len(events)))
            events.insert(at, Edit(events[at - 1].t, field, text))
        records.append(record._replace(events=tuple(events)))
    return records


def told(funnel: Funnel) -> list[tuple[Any, ...]]:
    """Return all that two ways must agree on."""
    return [
        (row.group, row.stage, row.count, row.of_previous, row.of_first, row.of_all, row.sums, row.fate)
        for row in funnel.rows
    ]


@settings(deadline=None)
@given(
    records=edited(),
    by=st.sampled_from([None, "owner", "source", "campaign", "repeat"]),
    filters=st.sampled_from(FILTERS),
    within=st.sampled_from([None, timedelta(hours=2), timedelta(hours=7)]),
)
def test_the_scan_equals_the_rows(
    records: list[Record], by: str | None, filters: dict[str, Any], within: timedelta | None
) -> None:
    """Counts, rates, sums and fates of any group and filter are the same both ways."""
    asked = analytics(records)
    quick = told(asked.funnel("sales", by=by, within=within, **filters))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reached, "carried", lambda *_: False)
        patch.setattr(reached, "has_transfers", lambda *_: True)
        assert told(asked.funnel("sales", by=by, within=within, **filters)) == quick


@settings(deadline=None)
@given(records=histories(), hours=st.integers(1, 12))
def test_within_counts_what_a_record_reached_up_to_an_age(records: list[Record], hours: int) -> None:
    """A record counts up to the furthest stage that it was on by that age; a win that stands, in all."""
    counts = analytics(records).funnel("sales", within=timedelta(hours=hours)).counts()
    order = PIPELINES["sales"]
    expected = dict.fromkeys((*order, "won"), 0)
    for record in records:
        places = [event for event in record.events if isinstance(event, Place)]
        if places[-1].place == "void":
            continue
        young = [event for event in places if event.t - record.created <= hours]
        stages = [order.index(e.place) for e in young if e.pipeline == "sales" and e.place in order]
        won = places[-1].place == "won" and places[-1] in young and places[-1].pipeline == "sales"
        furthest = len(order) if won else max(stages, default=-1)
        for place in (*order, "won")[: furthest + 1]:
            expected[place] += 1
    assert counts == expected


def test_within_belongs_to_the_reached_funnel() -> None:
    """Another definition refuses it."""
    with pytest.raises(InputError, match="within"):
        analytics([]).funnel("sales", definition="visited", within="1d")


@settings(deadline=None)
@given(records=histories(), within=st.sampled_from(["999999999d", timedelta.max]))
def test_an_age_beyond_any_life_is_no_limit(records: list[Record], within: timedelta | str) -> None:
    """Whoever names one gets the funnel of all ages."""
    asked = analytics(records)
    assert told(asked.funnel("sales", within=within)) == told(asked.funnel("sales"))


@pytest.mark.parametrize("by", [None, "owner", "source", "campaign", "repeat"])
def test_funnels_and_the_matrix_scan_one_index(by: str | None) -> None:
    """Whatever they are grouped by, they read no row of the table but those to be put right."""
    database = feed([])
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in PIPELINES["sales"]))
    asked = Analytics(database, [shape], FrozenClock(hour(99)))
    assert not [*asked.funnel(by=by, within="1d").rows, *asked.transitions(by=by).rows][5:]
    params = {name: "" for text in database.texts for name in re.findall(r":(\w+)", text)}
    plans = "".join(
        line
        for text in database.texts
        for *_, line in database.connection.execute(f"EXPLAIN QUERY PLAN {text}", params)
    )
    assert "m USING COVERING INDEX move_lift (pipeline=?)" in plans
    assert "m USING COVERING INDEX move_pair (pipeline=?)" in plans
