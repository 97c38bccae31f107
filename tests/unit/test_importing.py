"""Foreign event logs: every row has a fate, every history runs forward, every act passes the gate."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit import (
    Engine,
    EventLog,
    FrozenClock,
    ImportReport,
    Lead,
    Pipeline,
    Refusal,
    Stage,
    import_log,
    money,
    progress,
    reason_required,
    rule,
)
from funnelkit.errors import DefinitionError, InputError

STAGES = [Stage("new"), Stage("offer"), Stage("contract")]
SALES = Pipeline("sales", STAGES, close_reasons={"lost": ["price", "silence"]})
LOG = EventLog(
    record="case",
    activity="what",
    time="when",
    actor="who",
    owner="holder",
    value="sum",
    currency="EUR",
    source="origin",
    custom=["size"],
    zone="UTC",
    stages={"N": "new", "O": "offer", "C": "contract"},
    outcomes={"W": "won", "Paid": "won", "L": ("lost", "price"), "S": ("lost", "silence"), "X": "void"},
    ignore=("mail *", "call"),
)
Row = dict[str, Any]


def day(number: int, hour: int = 0) -> datetime:
    """Return an instant of March 2025, UTC."""
    return datetime(2025, 3, number, hour, tzinfo=UTC)


def row(case: str, what: str, when: Any, **cells: Any) -> Row:
    """Return a row of the log; ``when`` may be a day of March 2025."""
    blank = dict.fromkeys(("who", "holder", "sum", "origin", "size"), "")
    when = f"2025-03-{when:02}" if isinstance(when, int) else when
    return {**blank, "case": case, "what": what, "when": when, **cells}


def take(
    rows: Iterable[Mapping[Any, Any]], log: EventLog = LOG, *pipelines: Pipeline, **options: Any
) -> tuple[Engine, ImportReport]:
    """Import rows into a new engine."""
    pipelines = pipelines or (SALES,)
    engine = Engine(*pipelines, clock=FrozenClock(day(31)))
    return engine, import_log(engine, rows, log, pipeline=pipelines[0].id, **options)


def steps(engine: Engine, id: str) -> list[tuple[str, str, datetime]]:
    """Return (direction, target, instant) of every move of a record."""
    return [(move.direction, move.target, move.at) for move in engine.history(id)]


def reasons(report: ImportReport) -> list[str]:
    """Return the bad rows as text."""
    return [str(bad) for bad in report.bad]


# -- histories -----------------------------------------------------------------------------------


def test_a_history_is_written_as_it_happened() -> None:
    """Each row is a move at its own instant, by its own actor, with the cause ``import``."""
    engine, report = take(
        [row("d1", "N", 1, who="ann"), row("d1", "O", 4, who="bob"), row("d1", "W", 9, who="ann")]
    )
    assert steps(engine, "d1") == [
        ("create", "new", day(1)),
        ("forward", "offer", day(4)),
        ("close", "won", day(9)),
    ]
    assert [(move.actor, move.cause) for move in engine.history("d1")] == [
        ("ann", "import"),
        ("bob", "import"),
        ("ann", "import"),
    ]
    assert (report.records, report.used) == (1, 3)


def test_the_record_ends_where_its_log_ends() -> None:
    """Stage, close record, creation and name are those of the history; the id is the foreign one."""
    engine, _ = take([row("d1", "N", 1), row("d1", "O", 4), row("d1", "S", 9, who="ann")])
    deal = engine.get("d1")
    assert (deal.name, deal.stage, deal.created_at, deal.updated_at) == ("d1", "offer", day(1), day(9))
    assert deal.close is not None
    assert (deal.close.outcome, deal.close.reason, deal.close.at, deal.close.by) == (
        "lost",
        "silence",
        day(9),
        "ann",
    )


def test_an_imported_record_goes_on_as_any_other() -> None:
    """The verbs of today work on a record that was imported."""
    engine, _ = take([row("d1", "N", 1), row("d1", "L", 4)])
    engine.advance(engine.reopen("d1"))
    assert [move.target for move in engine.history("d1")] == ["new", "lost", "new", "offer"]
    assert engine.verify() == ()


def test_rows_may_come_in_any_order() -> None:
    """Rows of a record are sorted by time."""
    engine, report = take([row("d1", "W", 9), row("d1", "O", 4), row("d1", "N", 1)])
    assert [target for _, target, _ in steps(engine, "d1")] == ["new", "offer", "won"]
    assert report.early == ()


def test_rows_of_one_instant_keep_the_order_of_the_log() -> None:
    """Where times are equal, the log's own order decides."""
    forward, _ = take([row("d1", "N", 1), row("d1", "C", 2), row("d1", "O", 2)])
    backward, _ = take([row("d1", "N", 1), row("d1", "O", 2), row("d1", "C", 2)])
    assert [target for _, target, _ in steps(forward, "d1")] == ["new", "contract", "offer"]
    assert [target for _, target, _ in steps(backward, "d1")] == ["new", "offer", "contract"]


def test_records_may_be_interleaved() -> None:
    """Rows of several records may alternate."""
    engine, _ = take([row("a", "N", 1), row("b", "N", 1), row("a", "W", 2), row("b", "L", 3)])
    assert [engine.get(id).outcome for id in "ab"] == ["won", "lost"]


def test_a_repeated_place_is_counted_and_changes_nothing() -> None:
    """A second row for the same stage or outcome is a repeat; the first one stands."""
    engine, report = take(
        [
            row("d1", "N", 1),
            row("d1", "N", 2, holder="bob"),
            row("d1", "W", 3, holder="ann"),
            row("d1", "Paid", 4, holder="bob"),
        ]
    )
    deal = engine.get("d1")
    assert (report.used, report.repeats, report.bad) == (2, 2, ())
    assert (len(engine.history("d1")), deal.owner, deal.updated_at) == (2, "ann", day(3))


def test_a_stage_after_a_close_reopens() -> None:
    """The record is opened where it died and moves on from there, at one instant."""
    engine, report = take([row("d1", "N", 1), row("d1", "O", 2), row("d1", "L", 3), row("d1", "C", 5)])
    assert steps(engine, "d1")[2:] == [
        ("close", "lost", day(3)),
        ("reopen", "offer", day(5)),
        ("forward", "contract", day(5)),
    ]
    assert (report.reopened, report.used) == (1, 4)


def test_a_close_from_another_close_is_refused() -> None:
    """A record that is lost is not won without a stage in between; the row is bad."""
    engine, report = take([row("d1", "N", 1), row("d1", "L", 2), row("d1", "W", 3)])
    assert engine.get("d1").outcome == "lost"
    assert reasons(report) == ["line 3 (d1): refused: deal 'd1' is closed (lost): reopen it first (closed)"]


def test_an_outcome_before_the_first_stage_is_still_a_conversion() -> None:
    """The record keeps the claimed creation; its ledger begins with the first event; it is listed."""
    engine, report = take([row("d1", "N", 8), row("d1", "W", 6)])
    assert steps(engine, "d1") == [("create", "new", day(6)), ("close", "won", day(6))]
    assert {move.created for move in engine.history("d1")} == {day(8)}
    assert engine.get("d1").created_at == day(8)
    assert report.early == ("d1",)
    assert engine.verify() == ()


def test_a_win_before_the_creation_is_out_of_the_times_alone() -> None:
    """A negative duration counts as a win, and not as a time."""
    engine, _ = take([row("a", "N", 8), row("a", "W", 6), row("b", "N", 1), row("b", "W", 3)])
    times = engine.analytics.days_to_win()
    assert (times.rows[0].won, times.rows[0].timed, times.rows[0].p50) == (2, 1, timedelta(days=2))
    assert times.ids("negative") == ["a"]


def test_a_claimed_creation_is_kept() -> None:
    """A column may say when the record came into being, before the log begins."""
    log = attrs.evolve(LOG, created="born")
    engine, report = take([row("d1", "O", 5, born="2025-02-20"), row("d1", "W", 6, born="")], log)
    assert engine.get("d1").created_at == datetime(2025, 2, 20, tzinfo=UTC)
    assert (steps(engine, "d1")[0], report.early) == (("create", "offer", day(5)), ())


def test_a_lead_that_is_won_is_converted() -> None:
    """Leads are imported into a pipeline of leads; the win is their conversion."""
    intake = Pipeline("intake", [Stage("new")], kind="lead")
    log = EventLog(
        record="case", activity="what", time="when", zone="UTC", stages={"N": "new"}, outcomes={"W": "won"}
    )
    engine, _ = take([row("l1", "N", 1), row("l1", "W", 2)], log, intake)
    lead = engine.get("l1")
    assert isinstance(lead, Lead)
    assert (lead.outcome, lead.deal) == ("won", "")
    assert [type(change).__name__ for change in engine.changes("l1")] == ["LeadCaptured", "LeadConverted"]


# -- what rows say about the record --------------------------------------------------------------


def test_the_owner_of_a_row_holds_the_record_when_it_moves() -> None:
    """The owner changes before the move of the same row; a blank cell changes nothing."""
    engine, _ = take([row("d1", "N", 1, holder="ann"), row("d1", "O", 2, holder="bob"), row("d1", "W", 3)])
    assert [move.owner for move in engine.history("d1")] == ["ann", "bob", "bob"]
    (person,) = engine.analytics.people().rows
    assert (person.group, person.won) == ("bob", 1)


def test_an_owner_change_is_in_the_feed() -> None:
    """A hand-over in the log is a hand-over here, at its own instant."""
    engine, _ = take([row("d1", "N", 1, holder="ann"), row("d1", "O", 2, holder="bob")])
    assert [(type(change).__name__, change.at) for change in engine.changes("d1")] == [
        ("DealCreated", day(1)),
        ("RecordAssigned", day(2)),
        ("DealMoved", day(2)),
    ]
    assert engine.get("d1").version == 3


def test_value_source_and_custom_fields_hold_from_their_row_on() -> None:
    """The ledger carries the value of its time; custom fields are merged."""
    engine, _ = take(
        [
            row("d1", "N", 1, sum="100", origin="fair", size="S"),
            row("d1", "O", 2, sum="250.50"),
            row("d1", "W", 3, size="L"),
        ]
    )
    assert [move.value for move in engine.history("d1")] == [
        money(100, "EUR"),
        money("250.50", "EUR"),
        money("250.50", "EUR"),
    ]
    deal = engine.get("d1")
    assert (deal.source, dict(deal.custom)) == ("fair", {"size": "L"})


def test_the_currency_may_stand_in_a_column() -> None:
    """Where ``currency`` is no ISO code it names the column that holds one."""
    log = attrs.evolve(LOG, currency="unit")
    engine, _ = take([row("d1", "N", 1, sum=Decimal(5), unit="JPY")], log)
    assert engine.get("d1").value == money(5, "JPY")


def test_a_custom_column_may_be_renamed() -> None:
    """A mapping of column to field renames."""
    log = attrs.evolve(LOG, custom={"size": "seats"})
    engine, _ = take([row("d1", "N", 1, size=40)], log)
    assert dict(engine.get("d1").custom) == {"seats": 40}


def test_blank_words_are_blank() -> None:
    """What the log writes for nothing is nothing."""
    log = attrs.evolve(LOG, blanks=("NaN", "-"))
    engine, _ = take([row("a", "N", 1, origin="NaN", holder=" - "), row("b", "N", 1, origin="unknown")], log)
    assert [(engine.get(id).source, engine.get(id).owner) for id in "ab"] == [("", ""), ("unknown", "")]


class Missing:
    """A cell that is neither equal to itself nor not, as ``pandas.NA``."""

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError


def test_the_missing_value_of_a_data_frame_is_blank() -> None:
    """What does not know whether it equals itself is no value."""
    engine, report = take([row("d1", "N", 1, sum=Missing(), size=Missing())])
    assert (engine.get("d1").value, dict(engine.get("d1").custom), report.bad) == (None, {}, ())


def test_a_number_that_is_none_is_blank() -> None:
    """A float NaN in a cell is no value."""
    engine, report = take([row("d1", "N", 1, sum=float("nan"))])
    assert (engine.get("d1").value, report.bad) == (None, ())


# -- times ---------------------------------------------------------------------------------------


def zone(name: str) -> ZoneInfo:
    """Return a time zone; skip where the machine has no database of them."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time zone database")


def created(when: Any, log: EventLog = LOG) -> tuple[datetime, int]:
    """Return the creation that a time gives, and the number of unclear times."""
    engine, report = take([row("d1", "N", when)], log)
    assert report.bad == ()
    return engine.get("d1").created_at, report.unclear_times


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2025-03-01T10:00:00.250+02:00", datetime(2025, 3, 1, 8, 0, 0, 250_000, UTC)),
        ("2025-03-01T10:00Z", day(1, 10)),
        (" 2025-03-01 10:00 ", day(1, 10)),
        (datetime(2025, 3, 1, 10, tzinfo=timezone(timedelta(hours=3))), day(1, 7)),
        (datetime(2025, 3, 1, 10), day(1, 10)),  # noqa: DTZ001 (naive is the point)
        (date(2025, 3, 1), day(1)),
    ],
)
def test_a_time_is_read(when: Any, expected: datetime) -> None:
    """ISO 8601, datetimes and dates are read; what names no zone is in the zone of the log."""
    assert created(when) == (expected, 0)


def test_a_time_format_is_followed() -> None:
    """A format as for strptime replaces ISO 8601; a fixed offset is a zone as good as any."""
    log = attrs.evolve(LOG, time_format="%d.%m.%Y %H:%M", zone=timezone(timedelta(hours=-3)))
    assert created("01.03.2025 10:00", log) == (day(1, 13), 0)


def test_a_time_format_that_cannot_be_followed_makes_bad_rows() -> None:
    """A format that names the year twice reads nothing; the format is told."""
    _, report = take([row("d1", "N", "2025")], attrs.evolve(LOG, time_format="%Y%Y"))
    assert reasons(report) == ["line 1 (d1): when: '2025' is not a time (expected %Y%Y)"]


@pytest.mark.parametrize(
    ("when", "expected", "unclear"),
    [
        ("2024-10-27 01:30", datetime(2024, 10, 26, 23, 30, tzinfo=UTC), 0),
        ("2024-10-27 02:30", datetime(2024, 10, 27, 0, 30, tzinfo=UTC), 1),  # comes twice: the earlier
        ("2024-10-27 03:30", datetime(2024, 10, 27, 2, 30, tzinfo=UTC), 0),
        ("2024-03-31 02:30", datetime(2024, 3, 31, 1, 30, tzinfo=UTC), 1),  # never comes: 03:30 is meant
        ("2024-03-31 03:30", datetime(2024, 3, 31, 1, 30, tzinfo=UTC), 0),
        ("2024-10-27T02:30+01:00", datetime(2024, 10, 27, 1, 30, tzinfo=UTC), 0),
    ],
)
def test_clock_changes_are_respected(when: str, expected: datetime, unclear: int) -> None:
    """Naive times follow the zone through both clock changes; the unclear ones are counted."""
    log = attrs.evolve(LOG, zone=zone("Europe/Amsterdam"))
    assert created(when, log) == (expected, unclear)


def test_a_zone_may_be_named() -> None:
    """The name of a zone does as well as the zone."""
    zone("Asia/Kolkata")
    assert created("2025-03-01 05:30", attrs.evolve(LOG, zone="Asia/Kolkata")) == (day(1), 0)


def test_an_unknown_zone_is_refused() -> None:
    """A zone that the machine does not know is an error that names mends."""
    with pytest.raises(InputError, match="'Europe/Atlantis' is no time zone of this machine"):
        attrs.evolve(LOG, zone="Europe/Atlantis")


def test_a_naive_time_without_a_zone_is_bad() -> None:
    """Nothing is guessed about the zone."""
    _, report = take([row("d1", "N", "2025-03-01 10:00")], attrs.evolve(LOG, zone=None))
    assert reasons(report) == [
        "line 1 (d1): when: '2025-03-01 10:00' names no time zone (give EventLog(zone=…))"
    ]


# -- bad rows ------------------------------------------------------------------------------------

BAD: dict[str, tuple[Row, str]] = {
    "no id": (row("", "O", 2), "line 2: case: empty"),
    "odd id": (row("a b", "O", 2), "line 2 (a b): case: 'a b' holds white space or a control character"),
    "no activity": (row("d1", "", 2), "line 2 (d1): what: empty"),
    "unknown activity": (
        row("d1", "paid", 2),
        "line 2 (d1): what: 'paid' is not mapped (did you mean 'Paid'?)",
    ),
    "no time": (row("d1", "O", ""), "line 2 (d1): when: empty"),
    "no such time": (
        row("d1", "O", "2025-02-30"),
        "line 2 (d1): when: '2025-02-30' is not a time (expected ISO 8601, or give time_format)",
    ),
    "future": (row("d1", "O", "2025-04-01"), "line 2 (d1): when: 2025-04-01T00:00:00+00:00 is in the future"),
    "ancient": (
        row("d1", "O", "1969-12-31"),
        "line 2 (d1): when: 1969-12-31T00:00:00+00:00 is before 1970 (give a later instant)",
    ),
    "amount": (row("d1", "O", 2, sum="12,5"), "line 2 (d1): sum: '12,5' is not a number (write \"1234.50\")"),
    "float": (
        row("d1", "O", 2, sum=0.5),
        "line 2 (d1): sum: 0.5 is a float, which cannot hold an exact amount",
    ),
    "NUL": (row("d1", "O", 2, holder="a\0b"), "line 2 (d1): owner: holds a NUL character (remove it)"),
    "long name": (
        row("d1", "O", 2, origin="x" * 501),
        "line 2 (d1): source: 501 characters long (at most 500)",
    ),
    "signalling NaN": (
        row("d1", "O", 2, size=Decimal("sNaN")),
        "line 2 (d1): size: Decimal('sNaN') cannot be read",
    ),
    "endless number": (
        row("d1", "O", 2, holder=10**5_000),
        "line 2 (d1): holder: <int> cannot be read as text",
    ),
    "cells": (
        row("d1", "O", 2) | {None: ["x"]},
        "line 2 (d1): row: has more cells than the log has columns (quote cells that hold the separator)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_reported_and_the_rest_of_its_record_kept(case: str) -> None:
    """The bad row is listed with line and reason; the rows around it count."""
    bad, said = BAD[case]
    engine, report = take([row("d1", "N", 1), bad, row("d1", "C", 3)])
    assert [text.startswith(said) for text in reasons(report)] == [True], reasons(report)
    assert [target for _, target, _ in steps(engine, "d1")] == ["new", "contract"]


def test_a_record_without_a_stage_is_bad() -> None:
    """An outcome alone does not say where the record was; nothing is made up."""
    engine, report = take([row("d1", "W", 1), row("d2", "N", 1)])
    assert reasons(report) == ["line 1 (d1): no row says on which stage this record began"]
    assert [deal.id for deal in engine.find("deal")] == ["d2"]


def test_what_the_gate_refuses_is_a_bad_row() -> None:
    """An ordered pipeline refuses a leap; the record goes on from where it stands."""
    ordered = Pipeline("sales", STAGES, moves="ordered", close_reasons={"lost": ["price", "silence"]})
    engine, report = take(
        [row("d1", "C", 1), row("d1", "N", 2), row("d1", "C", 3), row("d1", "O", 4)], LOG, ordered
    )
    assert reasons(report) == [
        "line 1 (d1): refused: sales starts on new, not on contract: start on new (entry)",
        "line 3 (d1): refused: there is no way from new to contract: possible: offer (no_transition)",
    ]
    assert steps(engine, "d1") == [("create", "new", day(2)), ("forward", "offer", day(4))]


def test_rules_guard_an_import() -> None:
    """A rule sees the record as it was and the history so far."""

    @rule(on="win")
    def after_an_offer(history: Any) -> Refusal | None:
        passed = any(move.target == "offer" for move in history)
        return None if passed else Refusal("no_offer", "nothing was offered")

    engine, report = take(
        [row("a", "N", 1), row("a", "W", 2), row("b", "N", 1), row("b", "O", 2), row("b", "W", 3)],
        LOG,
        SALES.with_rules(after_an_offer),
    )
    assert reasons(report) == ["line 2 (a): refused: nothing was offered (no_offer)"]
    assert [engine.get(id).outcome for id in "ab"] == [None, "won"]


def test_a_refused_row_leaves_nothing_behind() -> None:
    """Where the move of a row is refused, its change of owner is not made either."""
    guarded = Pipeline("sales", STAGES, moves="ordered", close_reasons={"lost": ["price", "silence"]})
    engine, _ = take([row("d1", "N", 1, holder="ann"), row("d1", "C", 2, holder="bob")], LOG, guarded)
    assert (engine.get("d1").owner, len(engine.changes("d1"))) == ("ann", 1)


def test_a_refused_owner_refuses_the_row() -> None:
    """A rule on assign is asked, too: without a reason there is no hand-over, and no move."""
    guarded = SALES.with_rules(reason_required(on="assign"))
    engine, report = take([row("d1", "N", 1, holder="ann"), row("d1", "O", 2, holder="bob")], LOG, guarded)
    assert [bad.line for bad in report.bad] == [2]
    assert engine.get("d1").stage == "new"


def test_the_lines_are_those_of_the_file() -> None:
    """A cell with a line break in it does not shift the line numbers."""
    text = 'case,what,when,note\nd1,N,2025-03-01,"two\nlines"\nd2,?,2025-03-01,\n'
    log = EventLog(record="case", activity="what", time="when", zone="UTC", stages={"N": "new"})
    _, report = take(csv.DictReader(io.StringIO(text)), log)
    assert reasons(report) == ["line 4 (d2): what: '?' is not mapped (one of 'N')"]


def test_bad_rows_come_in_the_order_of_the_log() -> None:
    """Rows that cannot be read and rows that are refused are listed together, by line."""
    _, report = take([row("d1", "N", 1), row("d1", "L", 2), row("d1", "W", 3), row("", "N", 1)])
    assert [bad.line for bad in report.bad] == [3, 4]


# -- by the batch --------------------------------------------------------------------------------


def test_an_id_of_another_kind_is_taken() -> None:
    """The ledger is one for all records: the id of a contact is not given to a deal."""
    engine = Engine(SALES, clock=FrozenClock(day(31)))
    engine.create_contact("Ada", id="d1")
    report = import_log(engine, [row("d1", "N", 1)], LOG, pipeline="sales")
    assert reasons(report) == ["line 1 (d1): a contact with this id exists already"]


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_the_size_of_a_batch_changes_nothing(batch: int) -> None:
    """Records come out the same however many are written at once."""
    rows = [row(f"d{n % 5}", what, n + 1) for n, what in enumerate("NNNNNOOOOOWLWLC")]
    engine, report = take(rows, batch=batch)
    assert [deal.place for deal in engine.find("deal")] == ["won", "lost", "won", "lost", "contract"]
    assert report.records == 5


def test_a_batch_is_a_number_of_records() -> None:
    """A batch of nothing is refused."""
    with pytest.raises(InputError, match="batch: 0 is not a number of records"):
        take([], batch=0)


def test_an_empty_log_is_an_empty_report() -> None:
    """No rows: nothing to do, nothing wrong."""
    assert take([])[1] == ImportReport(pipeline="sales", rows=0, records=0, used=0)


ACTIVITIES = ["N", "O", "C", "W", "Paid", "L", "S", "X", "call", "mail out", "?", ""]
WHENS = ["", "soon", *range(1, 9)]
ANY_ROW = st.builds(
    row,
    st.sampled_from(["a", "b", "c", ""]),
    st.sampled_from(ACTIVITIES),
    st.sampled_from(WHENS),
    holder=st.sampled_from(["", "ann", "bob"]),
    sum=st.sampled_from(["", "5", "7", "x"]),
)


@pytest.mark.parametrize("moves", ["free", "ordered"])
@given(rows=st.lists(ANY_ROW, max_size=30))
def test_every_row_has_one_fate(moves: Any, rows: list[Row]) -> None:
    """Rows are used, repeats, ignored or bad, and add up; what is written is sound."""
    pipeline = Pipeline("sales", STAGES, moves=moves, close_reasons={"lost": ["price", "silence"]})
    engine, report = take(rows, LOG, pipeline)
    lines = [bad.line for bad in report.bad]
    assert report.rows == len(rows) == report.used + report.repeats + report.ignored + len(lines)
    assert report.present == 0
    assert lines == sorted(set(lines))
    assert report.ignored_activities == Counter(
        each["what"] for each in rows if each["what"] in {"call", "mail out"}
    )
    history = [move for deal in engine.find("deal") for move in engine.history(deal)]
    assert len([move for move in history if move.direction == "create"]) == report.records
    assert len({(move.record, move.at, move.target) for move in history}) <= len(history)
    assert engine.verify() == ()


# -- definitions ---------------------------------------------------------------------------------


def test_a_column_that_no_row_has_stops_the_import() -> None:
    """A mistyped column is found before anything is written, with what was meant."""
    log = attrs.evolve(LOG, actor="whoo")
    engine = Engine(SALES, clock=FrozenClock(day(31)))
    with pytest.raises(DefinitionError, match=r"no row has a column 'whoo' \(did you mean 'who'\?\)"):
        import_log(engine, [row("d1", "N", 1)], log, pipeline="sales")
    assert engine.find("deal") == []


def test_a_column_may_be_missing_in_some_rows() -> None:
    """Rows need not all have the same columns."""
    log = attrs.evolve(LOG, created="born")
    _, report = take([row("d1", "N", 2), row("d2", "N", 2, born="2025-03-01")], log)
    assert (report.records, report.bad) == (2, ())


def test_everything_that_the_pipeline_does_not_have_is_told() -> None:
    """Unknown stages and reasons stop the import, all of them at once."""
    log = attrs.evolve(LOG, stages={"N": "nwe"}, outcomes={"L": ("lost", "weather"), "M": "lost"})
    with pytest.raises(DefinitionError) as caught:
        take([], log)
    assert [str(problem) for problem in caught.value.problems] == [
        "stages['N']: pipeline 'sales' has no stage 'nwe' (did you mean 'new'?)",
        "outcomes['L']: 'weather' is no reason for lost (one of: price, silence)",
        "outcomes['M']: '' is no reason for lost (one of: price, silence)",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"record": ""}, "record: names no column"),
        ({"stages": {}}, "stages: no activity is a stage, so no record could begin"),
        ({"outcomes": {"W": "sold"}}, "outcomes['W']: ('sold', '') is no outcome"),
        ({"outcomes": {"W": ("lost",)}}, "outcomes['W']: ('lost',) is no outcome"),
        ({"outcomes": {"N": "won"}}, "outcomes['N']: is mapped to a stage as well"),
        ({"currency": ""}, "currency: an amount and its currency go together"),
        ({"custom": {"size": "a.b"}}, "custom: 'a.b' is not the name of a field"),
        ({"record": 5}, "record: 5 is not text"),
        ({"stages": ["N"]}, "stages: ['N'] is not a mapping of activity to stage"),
        ({"outcomes": {"W": 1}}, "outcomes: {'W': 1} is not a mapping of activity to outcome"),
        ({"ignore": [1]}, "ignore: [1] is not text, or a list of texts"),
        ({"custom": {"size": 1}}, "custom: {'size': 1} is not columns, or a mapping of column to field"),
        ({"zone": 3}, "zone: 3 is not a time zone"),
    ],
)
def test_a_log_that_contradicts_itself_is_refused(change: dict[str, Any], problem: str) -> None:
    """What cannot work is an error where the log is described."""
    with pytest.raises(DefinitionError) as caught:
        attrs.evolve(LOG, **change)
    assert [str(each).startswith(problem) for each in caught.value.problems] == [True]


def test_an_unknown_pipeline_is_refused() -> None:
    """The pipeline must be one of the engine's."""
    with pytest.raises(InputError, match="there is no pipeline 'slaes'"):
        import_log(Engine(SALES), [], LOG, pipeline="slaes")


def test_rows_must_be_mappings() -> None:
    """Lists of cells are refused at once, with the mend."""
    with pytest.raises(InputError, match=r"use csv\.DictReader"):
        take(csv.reader(["d1,N,2025-03-01"]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log", "rows", "problem"),
    [(5, [], "log: 5 is not an EventLog"), (LOG, 5, "rows: 5 is nothing to go through")],
)
def test_an_import_of_something_else_is_refused(log: Any, rows: Any, problem: str) -> None:
    """A log that is no EventLog and rows that are no rows are named."""
    with pytest.raises(InputError, match=problem):
        import_log(Engine(SALES), rows, log, pipeline="sales")


# -- what is shown -------------------------------------------------------------------------------


def test_the_report_reads_well() -> None:
    """The report tells every number, and the bad rows with their reasons."""
    _, report = take(
        [row("d1", "N", 8), row("d1", "W", 6), row("d1", "Paid", 9), row("d1", "call", 9), row("d1", "Z", 9)]
    )
    assert str(report).splitlines() == [
        "5 rows, new records in sales: 1",
        "  used 2, repeats 1, ignored 1, bad 1",
        "  records with an event before their creation: 1 (d1)",
        "  bad line 5 (d1): what: 'Z' is not mapped (one of 'N', 'O', 'C', 'W', 'Paid', 'L', 'S', 'X')",
    ]


def test_a_long_list_of_bad_rows_is_cut() -> None:
    """Ten bad rows are shown, the others counted; the report holds them all."""
    _, report = take([row("", "N", 1)] * 12)
    assert (len(report.bad), str(report).splitlines()[-1]) == (12, "  and 2 more bad rows")


def test_progress_is_told_from_first_to_last() -> None:
    """The callable hears how many rows are done; rows that needed no writing are done first."""
    heard: list[tuple[int, int]] = []
    rows = [row("a", "N", 1), row("a", "call", 1), row("b", "N", 1), row("c", "N", 1)]
    take(rows, batch=2, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(1, 4), (3, 4), (4, 4)]


def test_progress_is_told_while_the_log_is_read() -> None:
    """As long as rows are read, none of them is done, and there are more of them each time."""
    heard: list[tuple[int, int]] = []
    rows = (row(f"d{number % 9}", "call", 1) for number in range(25_000))
    take(rows, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(0, 10_000), (0, 20_000), (25_000, 25_000)]


def test_nothing_is_drawn_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """The bar is for terminals: a captured stderr stays empty."""
    take([row("a", "N", 1)], progress=True)
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the bar is drawn over itself and ends its line when all is done."""
    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", screen)
    take([row("a", "N", 1), row("b", "N", 1)], progress=True, batch=1)
    assert screen.getvalue().split("\r")[1:] == [
        f"[{'-' * 30}] 0 of 2",
        f"[{'#' * 15}{'-' * 15}] 1 of 2",
        f"[{'#' * 30}] 2 of 2\n",
    ]


def test_the_bar_of_nothing_is_full() -> None:
    """An empty log is done before it begins."""
    assert progress.bar(0, 0) == f"[{'#' * 30}] 0 of 0"


# -- both stores ---------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite"])
def engine_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Engine]:
    """Return what opens an engine over each kind of store."""
    url = None if request.param == "memory" else f"sqlite:///{tmp_path / 'crm.db'}"
    return lambda: Engine(SALES, store=url, clock=FrozenClock(day(31)))


def test_an_import_is_the_same_in_every_store(engine_of: Callable[[], Engine]) -> None:
    """Owners, values, custom fields, an early win and a reopening come back as written."""
    with engine_of() as engine:
        rows = [
            row("a", "N", 8, holder="ann", sum="5", size="S"),
            row("a", "W", 6),
            row("b", "N", 1, origin="fair"),
            row("b", "L", 2, holder="bob", sum="7"),
            row("b", "O", 3, size="L"),
        ]
        import_log(engine, rows, LOG, pipeline="sales", batch=1)
        a, b = engine.get("a"), engine.get("b")
        assert (a.place, a.owner, a.version, b.place, b.owner, b.value, b.source, dict(b.custom)) == (
            "won",
            "ann",
            2,
            "offer",
            "bob",
            money(7, "EUR"),
            "fair",
            {"size": "L"},
        )
        assert engine.verify() == ()
