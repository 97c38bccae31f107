"""Stock at any instant, and the flow that leads from one instant to another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.flow import reference_flow as ref
from tests.analytics.histories import PIPELINES, Edit, Record, analytics, histories, hour
from tests.analytics.test_against_reference import minor, questions, said
from tests.analytics.test_eight_deals import record, sales

from funnelkit.errors import InputError

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def worth(values: Any) -> dict[str, int]:
    """Return currency → minor units, without zeros."""
    sums: dict[str, int] = {}
    for code, amount in values:
        sums[code] = sums.get(code, 0) + amount
    return {code: amount for code, amount in sums.items() if amount and code}


@few
@given(histories(), questions(), st.sampled_from([(3,), (0, 9), (12, 6)]))
def test_the_stock_is_what_brute_force_finds(
    records: list[Record], asked: ref.Asked, hours: tuple[int, ...]
) -> None:
    """Counts, sums and ids of every instant and stage equal those of the reference."""
    hours = tuple(t for t in hours if t <= asked.as_of)
    found = analytics(records).stock(asked.pipeline, at=[hour(t) for t in hours], **said(asked))
    for t in hours:
        want = ref.stock(records, asked, t)
        rows = {(row.group, row.stage): row for row in found.rows if row.instant == hour(t)}
        assert set(want) <= set(rows)
        for cell, row in rows.items():
            there = want.get(cell, {})
            assert (row.count, minor(row.sums)) == (len(there), worth(m.value for m in there.values()))
            assert row.unpriced == sum(not m.value[0] for m in there.values())
            assert found.ids(row.stage, hour(t).isoformat(), group=row.group) == sorted(there)


@few
@given(histories(), questions(), st.integers(0, 12), st.integers(0, 12))
def test_the_flow_is_what_brute_force_counts(
    records: list[Record], asked: ref.Asked, start: int, lasts: int
) -> None:
    """Stocks, moves, hand-overs, sums and ids of a period equal those of the reference."""
    end = start + lasts
    found = analytics(records).flow(asked.pipeline, period=(hour(start), hour(end)), **said(asked))
    want, handed = ref.turns(records, asked, start, end), ref.handed(records, asked, start, end)
    before, after = ref.stock(records, asked, start - 1), ref.stock(records, asked, end - 1)
    cells = {(key, stage) for key, stage, _ in want} | set(before) | set(after)
    assert cells <= {(row.group, row.stage) for row in found.rows}
    for row in found.rows:
        cell = row.group, row.stage
        assert row.start + row.entered - row.left + row.handed == row.end
        assert (row.start, row.end) == (len(before.get(cell, ())), len(after.get(cell, ())))
        assert row.handed == handed.get(cell, 0)
        for column in ("entered", "left", "created", "reopened", "won", "lost"):
            moves = want.get((*cell, column), [])
            assert getattr(row, column) == len(moves), column
            assert found.ids(row.stage, column, group=row.group) == sorted({name for name, _ in moves})
        for column in ("entered", "left"):
            assert minor(getattr(row, f"{column}_sums")) == worth(v for _, v in want.get((*cell, column), []))
        assert found.ids(row.stage, "start", group=row.group) == sorted(before.get(cell, ()))
        assert found.ids(row.stage, "end", group=row.group) == sorted(after.get(cell, ()))
        for code in ("EUR", "USD"):
            sums = [
                minor(getattr(row, f"{name}_sums")).get(code, 0)
                for name in ("start", "entered", "left", "changed", "end")
            ]
            assert sums[0] + sums[1] - sums[2] + sums[3] == sums[4]


@few
@given(histories(), st.integers(0, 25), st.sampled_from([None, "owner", "custom.segment"]))
def test_the_stock_at_as_of_is_the_potential(records: list[Record], t: int, by: str | None) -> None:
    """What is on the table as of then is the stock at that instant."""
    metrics = analytics(records)
    there = metrics.stock("sales", as_of=hour(t), by=by).rows
    table = metrics.potential("sales", as_of=hour(t), by=by).rows
    assert [(r.group, r.stage, r.count, r.unpriced, r.sums) for r in there] == [
        (r.group, r.stage, r.count, r.unpriced, r.sums) for r in table
    ]


@few
@given(histories(), st.integers(0, 12))
def test_without_edits_and_filters_nothing_is_handed_and_periods_chain(records: list[Record], t: int) -> None:
    """The end of a period is the start of the next, and no record appears from nowhere."""
    metrics = analytics(records)
    first = metrics.flow("sales", period=(None, hour(t))).rows
    second = metrics.flow("sales", period=(hour(t), None)).rows
    assert all(row.handed == 0 for row in (*first, *second))
    assert [(row.end, row.end_sums) for row in first] == [(row.start, row.start_sums) for row in second]
    assert [row.end for row in second] == [row.count for row in metrics.stock("sales").rows]
    assert all(row.start == 0 for row in first)


def test_a_hand_over_and_a_new_value_show_where_no_move_is() -> None:
    """Ann's only deal goes to bob and is worth 40 more: nothing entered, nothing left."""
    metrics = sales(record("d", "n", Edit(2, "owner", "bob"), Edit(3, "value", ("EUR", 140))))
    rows = {
        row.group: row for row in metrics.flow(period=(hour(1), hour(9)), by="owner").rows if row.stage == "n"
    }
    assert [(rows[name].start, rows[name].handed, rows[name].end) for name in ("ann", "bob")] == [
        (1, -1, 0),
        (0, 1, 1),
    ]
    (whole,) = (row for row in metrics.flow(period=(hour(1), hour(9))).rows if row.stage == "n")
    assert (whole.handed, minor(whole.changed_sums)) == (0, {"EUR": 40})


def test_a_record_found_void_later_was_nowhere_and_as_of_then_it_was_there() -> None:
    """What is known decides, and what was known then can still be asked for."""
    metrics = sales(record("d", "n q void"))
    assert metrics.stock(at=hour(1)).rows[1].count == 0
    assert metrics.stock(at=hour(1), as_of=hour(1)).rows[1].count == 1


def test_the_stock_after_as_of_is_refused() -> None:
    """Nothing is known of what comes later."""
    with pytest.raises(InputError, match="after as_of"):
        sales(record("d", "n")).stock(at=hour(9), as_of=hour(3))


def test_every_stage_of_every_instant_has_a_row() -> None:
    """Two instants and four stages make eight rows, in the order asked for."""
    rows = sales(record("d", "n q")).stock(at=[hour(5), hour(0)]).rows
    assert [(row.instant, row.stage, row.count) for row in rows if row.count] == [
        (hour(5), "q", 1),
        (hour(0), "n", 1),
    ]
    assert len(rows) == 2 * len(PIPELINES["sales"])
