"""What every verb takes: versions that are expected, keys, times, actors; and who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from funnelkit import Deal, Engine, FrozenClock, Stage, money
from funnelkit.changes import Change
from funnelkit.errors import ConflictError, KeyReusedError, OutOfOrderError, TimeError
from funnelkit.stages import Pipeline

VERBS: dict[str, Callable[[Engine, Any], Any]] = {
    "advance": lambda engine, act: engine.advance("d1", **act),
    "move": lambda engine, act: engine.move("d1", "bill", **act),
    "win": lambda engine, act: engine.win("d1", **act),
    "lose": lambda engine, act: engine.lose("d1", **act),
    "void": lambda engine, act: engine.void("d1", **act),
    "transfer": lambda engine, act: engine.transfer("d1", "sales", **act),
    "assign": lambda engine, act: engine.assign("d1", "kim", **act),
    "edit": lambda engine, act: engine.edit("d1", name="New", **act),
    "log": lambda engine, act: engine.log("d1", "call", **act),
}
NEW: dict[str, Callable[[Engine, Any], Any]] = {
    "create": lambda engine, act: engine.create("Acme", pipeline="care", value=money(1, "EUR"), **act),
    "capture": lambda engine, act: engine.capture("Ann", custom={"a": [1, {"b": None}]}, **act),
    "create_contact": lambda engine, act: engine.create_contact("Ann", **act),
    "create_company": lambda engine, act: engine.create_company("Acme", **act),
    "convert": lambda engine, act: engine.convert(engine.find("lead")[0].id, pipeline="care", **act),
}


@pytest.fixture(autouse=True)
def deal(engine: Engine) -> Deal:
    """Return a deal, d1, beside a lead."""
    engine.capture("Ann")
    return engine.create("Repair", pipeline="care", id="d1", owner="sam")


# -- the version that is expected -------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_another_version_is_a_conflict(engine: Engine, unchanged: Any, verb: str) -> None:
    """``expect=`` of a version that is not there: ConflictError with both versions, nothing written."""
    with unchanged(ConflictError) as caught:
        VERBS[verb](engine, {"expect": 7})
    assert caught.value == ConflictError("deal", "d1", 7, 1)


@pytest.mark.parametrize("verb", VERBS)
def test_the_version_that_is_there_is_fine(engine: Engine, verb: str) -> None:
    """``expect=`` of the present version lets the verb do its work."""
    VERBS[verb](engine, {"expect": 1})
    assert len(engine.changes("d1")) == 2


def test_a_record_implies_its_version(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """A verb on a record that was read before somebody else's act is a conflict, not an overwrite."""
    engine.advance("d1")
    with unchanged(ConflictError) as caught:
        engine.win(deal)
    assert (caught.value.expected, caught.value.actual) == (1, 2)


def test_going_there_and_back_is_noticed(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """The place is the same again, the version is not."""
    engine.move(engine.advance("d1"), "ticket")
    with unchanged(ConflictError):
        engine.win(deal)


def test_an_id_means_whatever_is_there(engine: Engine) -> None:
    """An id alone expects no version."""
    engine.advance("d1")
    assert engine.win("d1").version == 3


def test_a_log_does_not_mind_the_version(engine: Engine, deal: Deal) -> None:
    """A note belongs to the record, whatever has become of it since."""
    engine.advance("d1")
    assert engine.log(deal, "note").stage == "visit"


# -- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [*VERBS, *NEW])
def test_a_key_makes_a_verb_idempotent(engine: Engine, verb: str, clock: FrozenClock) -> None:
    """The same request under its key does nothing and answers the same, also later."""
    do = {**VERBS, **NEW}[verb]
    first = do(engine, {"key": "k", "actor": "sam", "note": "ё"})
    changes = engine.changes()
    clock.tick("1d")
    assert do(engine, {"key": "k", "actor": "sam", "note": "ё"}) == first
    assert engine.changes() == changes


@pytest.mark.parametrize("verb", [*VERBS, *NEW])
def test_a_key_is_for_one_request(engine: Engine, unchanged: Any, verb: str) -> None:
    """The key with another note is KeyReusedError naming the key; the first act stands alone."""
    do = {**VERBS, **NEW}[verb]
    do(engine, {"key": "form 7"})
    with unchanged(KeyReusedError) as caught:
        do(engine, {"key": "form 7", "note": "another"})
    assert caught.value.key == "form 7"


def test_a_key_is_for_one_verb(engine: Engine, unchanged: Any) -> None:
    """Two verbs do not share a key, nor do two records."""
    engine.advance("d1", key="k")
    with unchanged(KeyReusedError):
        engine.win("d1", key="k")
    other = engine.create("Other", pipeline="care")
    with unchanged(KeyReusedError):
        engine.advance(other, key="k")


def test_an_answer_is_the_one_of_then(engine: Engine) -> None:
    """What has happened since does not change what the first call answered."""
    first = engine.advance("d1", key="k")
    engine.win("d1")
    assert engine.advance("d1", key="k") == first


def test_a_refused_act_uses_up_no_key(engine: Engine) -> None:
    """After a refusal the key is free for the act when it is allowed."""
    engine.win("d1")
    assert not engine.can("d1", "advance", key="k")
    engine.reopen("d1")
    assert engine.advance("d1", key="k").stage == "visit"


def test_nothing_to_do_is_an_answer_too(engine: Engine, deal: Deal, unchanged: Any) -> None:
    """A keyed move to where the deal is answers the deal, and the key is taken."""
    assert engine.move("d1", "ticket", key="k") == deal
    with unchanged(KeyReusedError):
        engine.move("d1", "visit", key="k")


def test_the_key_is_in_the_ledger(engine: Engine) -> None:
    """The row of a keyed move carries its key."""
    engine.advance("d1", key="k")
    assert [move.key for move in engine.history("d1")] == ["", "k"]


# -- when -------------------------------------------------------------------------------------------------


def test_an_act_may_be_recorded_later(engine: Engine, clock: FrozenClock) -> None:
    """``at=`` is when it counts from: for the row, the stay, the record and the change."""
    clock.tick("10d")
    at = clock.now() - timedelta(days=3)
    deal = engine.advance("d1", at=at)
    row = engine.history(deal)[-1]
    assert deal.entered_at == deal.updated_at == row.at == engine.changes(deal)[-1].at == at
    assert row.since == row.created == deal.created_at


def test_instants_are_kept_in_utc(engine: Engine, clock: FrozenClock) -> None:
    """An aware instant of any zone is the instant it is."""
    clock.tick("10d")
    moscow = timezone(timedelta(hours=3))
    deal = engine.advance("d1", at=datetime(2026, 3, 5, 3, tzinfo=moscow))
    assert deal.entered_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert deal.entered_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("verb", [*VERBS, *NEW])
def test_nothing_happens_in_the_future(engine: Engine, unchanged: Any, verb: str, clock: FrozenClock) -> None:
    """``at=`` after now is a TimeError about ``at``."""
    with unchanged(TimeError) as caught:
        {**VERBS, **NEW}[verb](engine, {"at": clock.now() + timedelta(microseconds=1)})
    assert caught.value.argument == "at"


@pytest.mark.parametrize("verb", [*VERBS, *NEW])
def test_a_naive_time_is_no_instant(engine: Engine, unchanged: Any, verb: str) -> None:
    """A datetime without a zone is a TimeError about ``at``."""
    with unchanged(TimeError) as caught:
        {**VERBS, **NEW}[verb](engine, {"at": datetime(2026, 3, 1)})  # noqa: DTZ001 (that is the point)
    assert caught.value.argument == "at"


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "log"])
def test_a_record_does_not_go_back_in_time(
    engine: Engine, unchanged: Any, verb: str, clock: FrozenClock
) -> None:
    """``at=`` before the latest act of the record is OutOfOrderError, naming both times."""
    clock.tick("2d")
    engine.edit("d1", source="fair")
    with unchanged(OutOfOrderError) as caught:
        VERBS[verb](engine, {"at": clock.now() - timedelta(days=1)})
    assert "2026-03-03" in str(caught.value)
    assert "2026-03-04" in str(caught.value)


def test_a_deal_may_be_created_in_the_past(engine: Engine, clock: FrozenClock) -> None:
    """A history is typed in act by act, in its own order, down to equal instants."""
    clock.tick("30d")
    at = clock.now() - timedelta(days=20)
    deal = engine.create("Old", pipeline="care", at=at)
    deal = engine.advance(deal, at=at)
    deal = engine.win(deal, at=at + timedelta(days=1))
    assert [move.at - at for move in engine.history(deal)] == [timedelta(0), timedelta(0), timedelta(days=1)]
    assert engine.verify() == ()


def test_an_activity_may_be_dated_freely(engine: Engine, clock: FrozenClock) -> None:
    """A call of last week may be written down after today's move; it does not touch the record."""
    clock.tick("9d")
    engine.advance("d1")
    call = engine.log("d1", "call", at=clock.now() - timedelta(days=7))
    assert call.at == clock.now() - timedelta(days=7)
    assert engine.get("d1").updated_at == clock.now()


def test_a_clock_that_steps_back_breaks_no_order(store: Any) -> None:
    """Without ``at=`` an act counts from the record's latest act when the clock is behind it."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    pipeline = Pipeline("p", [Stage("a"), Stage("b")])
    deal = Engine(pipeline, store=store, clock=FrozenClock(start)).create("Acme")
    behind = Engine(pipeline, store=store, clock=FrozenClock(start - timedelta(hours=1)))
    assert behind.advance(deal).entered_at == start
    assert behind.verify() == ()


# -- who is told -------------------------------------------------------------------------------------------


def test_subscribers_are_told_after_the_commit(engine: Engine) -> None:
    """What a subscriber reads is already there; it is told every change, in order."""
    told: list[tuple[Change, int]] = []
    engine.subscribe(lambda change: told.append((change, engine.get(change.record).version)))
    engine.win(engine.advance("d1"))
    assert [(change.version, seen) for change, seen in told] == [(2, 2), (3, 3)]


def test_a_subscriber_that_fails_does_not_undo_a_move(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Its error is logged; the move stands and the next subscriber is told."""
    told: list[Change] = []

    @engine.subscribe
    def broken(change: Change) -> None:
        raise RuntimeError(change.record)

    engine.subscribe(told.append)
    with caplog.at_level(logging.ERROR, "funnelkit"):
        engine.advance("d1")
    assert engine.get("d1").version == 2
    assert (len(told), len(caplog.records)) == (1, 1)


def test_a_refused_act_is_told_to_nobody(engine: Engine) -> None:
    """Nothing happened, so there is nothing to tell."""
    told: list[Change] = []
    engine.subscribe(told.append)
    assert not engine.can("d1", "reopen")
    with pytest.raises(ConflictError):
        engine.advance("d1", expect=9)
    assert told == []


def test_the_feed_is_what_subscribers_were_told(engine: Engine) -> None:
    """Feed and calls can never disagree."""
    told: list[Change] = []
    engine.subscribe(told.append)
    after = engine.changes()[-1].position
    engine.convert(engine.find("lead")[0], pipeline="sales")
    engine.edit("d1", value=money(1, "EUR"))
    assert engine.changes(after=after) == told
