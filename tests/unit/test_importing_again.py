"""Importing again: the same log, a log that has grown, and its parts; each row is used once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_importing import LOG, SALES, STAGES, Row, day, reasons, row, steps, take

from funnelkit import (
    Engine,
    FrozenClock,
    ImportReport,
    MemoryStore,
    Pipeline,
    Refusal,
    Stage,
    import_log,
    requires,
    rule,
)
from funnelkit.storage.base import Commit


def everything(engine: Engine, ids: Iterable[str] = "abc") -> dict[str, Any]:
    """Return all that the store has of some records, each by itself."""
    store = engine.store
    return {
        id: (store.get_many("deal", [id]), store.moves(id), store.attributes(id), store.changes(record=id))
        for id in ids
    }


def test_nothing_is_imported_twice() -> None:
    """The same log again finds its rows there, and changes nothing."""
    rows = [row("d1", "N", 1), row("d1", "O", 2), row("d2", "N", 1)]
    engine, _ = take(rows)
    before = (engine.changes(), engine.find("deal"))
    again = import_log(engine, [*rows, row("d3", "N", 3)], LOG, pipeline="sales")
    assert (again.records, again.used, again.present, again.bad) == (1, 1, 3, ())
    assert (engine.changes()[:-1], engine.find("deal")[:-1]) == before


def test_a_log_that_has_grown_is_gone_on_with() -> None:
    """Rows after the last known one are replayed on top, and the record has gone on since."""
    rows = [row("d1", "N", 1, size="S"), row("d1", "L", 4)]
    engine, _ = take(rows)
    again = import_log(engine, [*rows, row("d1", "O", 6, holder="ann", size="L")], LOG, pipeline="sales")
    assert (again.records, again.continued, again.used, again.present, again.reopened) == (0, 1, 1, 2, 1)
    assert [target for _, target, _ in steps(engine, "d1")] == ["new", "lost", "new", "offer"]
    assert (engine.get("d1").owner, dict(engine.get("d1").custom)) == ("ann", {"size": "L"})
    assert str(again).splitlines()[1:3] == [
        "  used 1, repeats 0, present 2, ignored 0, bad 0",
        "  records that have gone on since: 1",
    ]


def test_a_row_that_comes_too_late_is_bad() -> None:
    """What happened before something that is recorded already cannot be put in between."""
    engine, _ = take([row("d1", "N", 1), row("d1", "C", 5)])
    before = everything(engine, ["d1"])
    again = import_log(
        engine, [row("d1", "N", 1), row("d1", "O", 3), row("d1", "C", 5)], LOG, pipeline="sales"
    )
    assert reasons(again) == [
        "line 2 (d1): too late: what is recorded of this deal goes up to 2025-03-05T00:00:00+00:00"
    ]
    assert (again.present, everything(engine, ["d1"])) == (2, before)


def test_a_row_that_was_refused_is_not_taken_for_its_like() -> None:
    """Of two rows that are alike, the one that was used is known, also where it is the second."""
    rows = [row("d1", "N", 1), row("d1", "O", 4), row("d1", "N", 4), row("d1", "O", 4, holder="ann")]
    engine, first = take(rows, LOG, PIPELINES["owned"])
    before = everything(engine, ["d1"])
    again = import_log(engine, rows, LOG, pipeline="sales")
    assert (first.used, first.repeats, [bad.line for bad in first.bad]) == (2, 1, [2])
    assert (again.used, again.present, again.repeats, again.bad) == (0, 2, 1, first.bad)
    assert everything(engine, ["d1"]) == before


def test_in_a_part_of_a_log_the_last_of_rows_that_are_alike_is_known() -> None:
    """What was used is not used again where only a part of the log can tell what it was."""
    rows = [row("d1", "N", 1), row("d1", "O", 4), row("d1", "N", 4), row("d1", "O", 4, holder="ann")]
    engine, _ = take(rows, LOG, PIPELINES["owned"])
    again = import_log(engine, [*rows[1:], row("d1", "W", 6)], LOG, pipeline="sales")
    assert [target for _, target, _ in steps(engine, "d1")] == ["new", "offer", "won"]
    assert (again.used, again.present) == (1, 1)


def test_the_row_that_created_a_record_is_not_used_again_where_an_outcome_came_first() -> None:
    """A part of a log that begins with the creating row, after the outcome, opens nothing again."""
    rows = [row("d1", "W", 6), row("d1", "N", 8), row("d1", "O", 9)]
    engine, _ = take(rows[:2])
    again = import_log(engine, rows[1:], LOG, pipeline="sales")
    assert (again.present, again.used) == (1, 1)
    assert [target for _, target, _ in steps(engine, "d1")] == ["new", "won", "new", "offer"]


def test_a_row_that_may_have_created_a_record_is_left_out() -> None:
    """Where rows claim a creation, and the first of them are not there, the row is bad; a whole log tells."""
    log = attrs.evolve(LOG, created="born")
    rows = [row("d1", "W", 6, born=""), row("d1", "N", 8, born="2025-02-20")]
    engine, _ = take(rows, log)
    part = import_log(engine, rows[1:], log, pipeline="sales")
    assert reasons(part) == [
        "line 1 (d1): this may be what created the record: import the log from its start"
    ]
    grown = [*rows, row("d1", "N", 9, born="2025-02-20")]
    whole = import_log(engine, grown, log, pipeline="sales")
    assert (whole.present, whole.used, whole.reopened, whole.bad) == (2, 1, 1, ())


def test_what_people_did_since_stands() -> None:
    """Rows before the act of a person are too late; those after it go on from there."""
    clock = FrozenClock(day(10))
    engine = Engine(SALES, clock=clock)
    rows = [row("d1", "N", 1)]
    import_log(engine, rows, LOG, pipeline="sales")
    engine.move("d1", "contract", actor="sam")
    clock.tick("10d")
    again = import_log(engine, [*rows, row("d1", "O", 9), row("d1", "W", 15)], LOG, pipeline="sales")
    assert (again.present, again.used, [bad.line for bad in again.bad]) == (1, 1, [2])
    assert [(move.target, move.cause) for move in engine.history("d1")] == [
        ("new", "import"),
        ("contract", "user"),
        ("won", "import"),
    ]


def test_a_record_that_was_transferred_is_not_gone_on_with() -> None:
    """Its new rows are of a pipeline where it is not any more."""
    care = Pipeline("care", [Stage("ticket")])
    clock = FrozenClock(day(10))
    engine = Engine(SALES, care, clock=clock)
    import_log(engine, [row("d1", "N", 1)], LOG, pipeline="sales")
    engine.transfer("d1", "care")
    clock.tick("10d")
    again = import_log(engine, [row("d1", "N", 1), row("d1", "O", 15)], LOG, pipeline="sales")
    assert (again.present, reasons(again)) == (1, ["line 2 (d1): the record is in care by now"])


def test_a_record_made_by_hand_is_a_stranger() -> None:
    """An id that a person gave to a deal is not the case of a log; all of its rows are bad."""
    engine = Engine(SALES, clock=FrozenClock(day(31)))
    engine.create("Acme", id="d1", at=day(1))
    again = import_log(engine, [row("d1", "N", 1), row("d1", "O", 2)], LOG, pipeline="sales")
    assert reasons(again) == [f"line {n} (d1): a deal with this id exists already" for n in (1, 2)]
    assert engine.get("d1").version == 1


def test_a_record_with_another_past_is_a_stranger() -> None:
    """A log that tells of the same time and of none of the same rows is about something else."""
    engine, _ = take([row("d1", "N", 1), row("d1", "C", 5)])
    other = [row("d1", "O", 2), row("d1", "W", 8)]
    again = import_log(engine, other, LOG, pipeline="sales")
    assert reasons(again) == [
        f"line {n} (d1): a deal with this id exists already, and has another past" for n in (1, 2)
    ]
    assert engine.get("d1").place == "contract"


def test_a_rule_sees_the_whole_history_of_a_record_that_goes_on() -> None:
    """What was imported before and the activities since are told to the rules."""

    @rule(on="win")
    def after_an_offer(history: Any, activities: Any) -> Refusal | None:
        passed = any(move.target == "offer" for move in history) and activities
        return None if passed else Refusal("no_offer", "nothing was offered")

    rows = [row(id, "N", 1) for id in "ab"] + [row(id, "O", 2) for id in "ab"]
    engine, _ = take(rows, LOG, SALES.with_rules(after_an_offer))
    engine.log("a", "call")
    again = import_log(engine, [row(id, "W", 3) for id in "ab"], LOG, pipeline="sales")
    assert ([engine.get(id).outcome for id in "ab"], [bad.record for bad in again.bad]) == (
        ["won", None],
        ["b"],
    )


def test_a_sealed_record_goes_on_sealed() -> None:
    """The chain of seals runs through both imports."""
    engine = Engine(SALES, clock=FrozenClock(day(31)), sealed=True)
    import_log(engine, [row("d1", "N", 1)], LOG, pipeline="sales")
    import_log(engine, [row("d1", "O", 2)], LOG, pipeline="sales")
    assert all(move.seal for move in engine.history("d1"))
    assert engine.verify() == ()


class Rival(MemoryStore):
    """A store in which somebody else commits just before each of the first commits."""

    def __init__(self, acts: list[Callable[[], object]]) -> None:
        super().__init__()
        self.acts = acts

    def commit(self, commit: Commit) -> None:
        """Let somebody else come first."""
        if self.acts:
            self.acts.pop()()
        super().commit(commit)


@pytest.mark.parametrize("first", [1, 2])
def test_two_imports_at_the_same_time_are_one(first: int) -> None:
    """Where somebody imports the same records at the same moment, each row is used once."""
    rows = [row("d1", "N", 1), row("d1", "O", 2), row("d2", "N", 1)]
    acts: list[Callable[[], object]] = []
    store = Rival(acts)
    one, other = (Engine(SALES, store=store, clock=FrozenClock(day(31))) for _ in range(2))
    if first == 2:
        import_log(one, [row("d1", "N", 1)], LOG, pipeline="sales")
    found: list[ImportReport] = []
    acts.append(lambda: found.append(import_log(other, rows, LOG, pipeline="sales")))
    found.append(import_log(one, rows, LOG, pipeline="sales"))
    clean, _ = take(rows)
    assert everything(one, ["d1", "d2"]) == everything(clean, ["d1", "d2"])
    assert sum(report.used for report in found) == 4 - first
    assert found[-1].used == 0


PAST = st.builds(
    row,
    st.sampled_from("abc"),
    st.sampled_from("NOCNOCWLSX"),
    st.integers(1, 5),
    holder=st.sampled_from(["", "ann", "bob"]),
    sum=st.sampled_from(["", "5", "7"]),
    size=st.sampled_from(["", "S", "L"]),
    born=st.sampled_from(["", "", "2025-02-20", "2025-03-01"]),
)
FREE = Pipeline("sales", STAGES, close_reasons={"lost": ["price", "silence"]})
ORDERED = attrs.evolve(FREE, moves="ordered")
PIPELINES = {
    "free": FREE,
    "ordered": ORDERED,
    "owned": ORDERED.with_rules(requires("owner", on="move")),
    "valued": ORDERED.with_rules(requires("value", on="create")),
    "sized": FREE.with_rules(requires("custom.size", on="win")),
}
LOGS = {"plain": LOG, "created": attrs.evolve(LOG, created="born")}


def split(rows: list[Row], number: int) -> tuple[list[Row], list[Row]]:
    """Return the rows before a day of March 2025, and the others."""
    return (
        [each for each in rows if each["when"] < f"2025-03-{number:02}"],
        [each for each in rows if each["when"] >= f"2025-03-{number:02}"],
    )


SOME = (
    st.sampled_from(sorted(PIPELINES)),
    st.sampled_from(sorted(LOGS)),
    st.lists(PAST, min_size=1, max_size=14),
)


@given(*SOME)
def test_the_second_report_tells_what_the_first_one_did(pipeline: str, log: str, rows: list[Row]) -> None:
    """What was used is present, and repeats and bad rows are the same, with the same reasons."""
    engine, first = take(rows, LOGS[log], PIPELINES[pipeline])
    before = everything(engine)
    again = import_log(engine, rows, LOGS[log], pipeline="sales")
    assert again == attrs.evolve(first, records=0, used=0, present=first.used, reopened=0)
    assert everything(engine) == before


@given(*SOME, st.integers(0, 13))
def test_a_log_may_grow(pipeline: str, log: str, rows: list[Row], number: int) -> None:
    """Importing the log of yesterday and then the whole log is importing the whole log.

    The log is in the order of time, and it may grow in the midst of an instant.
    """
    rows = sorted(rows, key=lambda each: each["when"])
    clean, whole = take(rows, LOGS[log], PIPELINES[pipeline])
    engine, early = take(rows[: number + 1], LOGS[log], PIPELINES[pipeline])
    late = import_log(engine, rows, LOGS[log], pipeline="sales")
    assert everything(engine) == everything(clean)
    assert (late.present, late.used, late.repeats, late.bad) == (
        early.used,
        whole.used - early.used,
        whole.repeats,
        whole.bad,
    )


@given(*SOME, st.integers(1, 6), st.integers(0, 5))
def test_a_log_may_come_in_parts(pipeline: str, log: str, rows: list[Row], until: int, overlap: int) -> None:
    """Two parts of a log, one after the other in time, are the whole of it, with or without an overlap.

    That is so for every record that the first part could begin; for the others, its rows were bad. The
    same holds where a row of the second part may be what created the record.
    """
    clean, _ = take(rows, LOGS[log], PIPELINES[pipeline])
    first, _ = split(rows, until)
    engine, report = take(first, LOGS[log], PIPELINES[pipeline])
    begun = {deal.id for deal in engine.find("deal")}
    assert {each["case"] for each in first} - begun <= {bad.record for bad in report.bad}
    ids = begun | ({"a", "b", "c"} - {each["case"] for each in first})
    second = import_log(engine, split(rows, until - overlap)[1], LOGS[log], pipeline="sales")
    ids -= {bad.record for bad in second.bad if "may be what created" in bad.reason}
    assert everything(engine, ids) == everything(clean, ids)
    assert engine.verify() == ()
