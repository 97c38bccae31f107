"""`Engine.using`: our writes are kept or taken back with the host's, and nobody hears of the latter."""

# ruff: noqa: PT012 (it is the transaction that ends with the error)

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.hosts import DjangoRaw, Shop, SQLAlchemySession, cases
from tests.unit.joining.conftest import SALES, Heard, Oops

from funnelkit import Engine, FrozenClock
from funnelkit.errors import ConflictError, FunnelkitError, RefusedError, StoreClosedError
from funnelkit.testing import sequential_ids


def sound(shop: Shop) -> bool:
    """Whether an engine of its own over the same tables finds nothing wrong."""
    with Engine(SALES, store=shop.database.store()) as engine:
        return engine.verify() == ()


# -- both or neither ------------------------------------------------------------------------------------


def test_a_commit_keeps_both(shop: Shop, engine: Engine, heard: Heard) -> None:
    """An order and a deal in one transaction are there together, and only then is the deal heard of."""
    with shop.selling(engine) as crm:
        shop.order(1)
        crm.advance(crm.create("Acme", id="d1"), actor="ann", override=True, reason="known")
        assert shop.stored() == ([], [])
        assert heard == []
    assert shop.stored() == ([1], ["d1"])
    assert heard == [("DealCreated", "d1"), ("DealMoved", "d1")]
    assert sound(shop)


def test_a_rollback_takes_back_both(shop: Shop, engine: Engine, heard: Heard) -> None:
    """A request that dies leaves neither order nor deal, and nobody hears of the deal."""
    with pytest.raises(Oops), shop.selling(engine) as crm:
        shop.order(1)
        crm.create("Acme", id="d1")
        raise Oops
    assert shop.stored() == ([], [])
    assert heard == []
    assert sound(shop)


def test_the_connection_goes_on(shop: Shop, engine: Engine, heard: Heard) -> None:
    """After a commit and after a rollback the same connection takes the next transaction."""
    for id in (1, 2, 3):
        with suppress(Oops), shop.selling(engine) as crm:
            shop.order(id)
            crm.create("Acme", id=f"d{id}")
            if id == 2:
                raise Oops
    assert shop.stored() == ([1, 3], ["d1", "d3"])
    assert heard == [("DealCreated", "d1"), ("DealCreated", "d3")]
    assert sound(shop)


def test_a_commit_that_fails_is_not_heard_of(shop: Shop, engine: Engine, heard: Heard) -> None:
    """An order of which the database says at the commit that it cannot be takes the deal with it."""
    with pytest.raises(Exception, match=r"(?i)foreign key"), shop.selling(engine) as crm:
        shop.order(1, part_of="999")
        crm.create("Acme", id="d1")
    assert shop.stored() == ([], [])
    assert heard == []


def test_definitions_come_with_what_needs_them(shop: Shop, engine: Engine, heard: Heard) -> None:
    """The definition that a rollback took back is written again with the next move."""
    with pytest.raises(Oops), shop.selling(engine) as crm:
        crm.create("Acme")
        raise Oops
    assert shop.database.rows("SELECT COUNT(*) FROM definition") == [0]
    with shop.selling(engine) as crm:
        shop.order(1)
        with pytest.raises(Oops), shop.savepoint():
            crm.create("Acme")
            raise Oops
        crm.create("Acme", id="d1")
    assert shop.database.rows("SELECT COUNT(*) FROM definition") == [1]
    assert sound(shop)


# -- our own failures -----------------------------------------------------------------------------------


def test_a_refusal_leaves_the_transaction(shop: Shop, engine: Engine, heard: Heard) -> None:
    """After a move that is refused, what was written before is there and more can be written."""
    with shop.selling(engine) as crm:
        shop.order(1)
        deal = crm.create("Acme", id="d1", stage="contract")
        with pytest.raises(RefusedError):
            crm.advance(deal)
        shop.order(2)
        crm.create("Bolt", id="d2")
    assert shop.stored() == ([1, 2], ["d1", "d2"])
    assert heard == [("DealCreated", "d1"), ("DealCreated", "d2")]


def test_a_conflict_leaves_the_transaction(shop: Shop, engine: Engine, heard: Heard) -> None:
    """After a version conflict that only the database sees, everything else stands."""
    with shop.selling(engine) as crm:
        old = crm.create("Acme", id="d1")
        crm.assign(old, "kim")
        shop.order(1)
        with pytest.raises(ConflictError):
            crm.assign(old, "sam")
        with pytest.raises(FunnelkitError):
            crm.create("Acme", id="d1")
        shop.order(2)
    assert shop.stored() == ([1, 2], ["d1"])
    assert heard == [("DealCreated", "d1"), ("RecordAssigned", "d1")]
    assert sound(shop)


# -- savepoints of the host -----------------------------------------------------------------------------


def test_a_savepoint_takes_back_its_part(shop: Shop, engine: Engine, heard: Heard) -> None:
    """What the host takes back to a savepoint is neither there nor heard of; what is around it is both."""
    with shop.selling(engine) as crm:
        crm.create("Acme", id="d1")
        with pytest.raises(Oops), shop.savepoint():
            shop.order(1)
            crm.create("Bolt", id="d2")
            raise Oops
        with shop.savepoint():
            shop.order(2)
            crm.create("Coda", id="d3")
        crm.create("Dart", id="d4")
    assert shop.stored() == ([2], ["d1", "d3", "d4"])
    assert heard == [("DealCreated", "d1"), ("DealCreated", "d3"), ("DealCreated", "d4")]
    assert sound(shop)


@pytest.mark.parametrize("shop", cases(lambda kind: kind is not DjangoRaw), indirect=True)
def test_what_is_done_again_is_heard_of_once(shop: Shop, engine: Engine, heard: Heard) -> None:
    """An act that was taken back and is made again, the same in everything, is told of once, in its turn."""
    with shop.selling(engine) as crm:
        shop.order(1)
        with pytest.raises(Oops), shop.savepoint():
            crm.create("Acme", id="d1")
            raise Oops
        crm.create("Bolt", id="d2")
        crm.create("Acme", id="d1")
    assert heard == [("DealCreated", "d2"), ("DealCreated", "d1")]


def test_a_savepoint_and_a_rollback_around_it(shop: Shop, engine: Engine, heard: Heard) -> None:
    """A savepoint that was kept is lost with the transaction."""
    with pytest.raises(Oops), shop.selling(engine) as crm:
        shop.order(1)
        with shop.savepoint():
            crm.create("Acme", id="d1")
        raise Oops
    assert shop.stored() == ([], [])
    assert heard == []


# -- what is seen inside --------------------------------------------------------------------------------


def test_inside_one_sees_what_is_not_committed(shop: Shop, engine: Engine) -> None:
    """Records, histories, searches, reports and verify() inside are about what the transaction holds."""
    with shop.selling(engine) as crm:
        deal = crm.create("Acme", id="d1", owner="kim")
        assert crm.get("d1") == deal
        assert crm.find("deal", owner="kim") == [deal]
        assert [move.target for move in crm.history(deal)] == ["new"]
        assert crm.funnel("sales").counts()["new"] == 1
        assert crm.verify() == ()
        assert shop.stored() == ([], [])


def test_a_key_belongs_to_the_transaction(shop: Shop, engine: Engine, heard: Heard) -> None:
    """Under one key a thing is done once; a rollback frees the key."""
    with pytest.raises(Oops), shop.selling(engine) as crm:
        first = crm.create("Acme", key="order-1")
        assert crm.create("Acme", key="order-1") == first
        raise Oops
    with shop.selling(engine) as crm:
        made = crm.create("Acme", key="order-1")
    with shop.selling(engine) as crm:
        assert crm.create("Acme", key="order-1") == made
    assert shop.stored() == ([], [made.id])
    assert heard == [("DealCreated", made.id)]


def test_an_act_that_changes_nothing_is_not_heard_of(shop: Shop, engine: Engine, heard: Heard) -> None:
    """A move under a key to the stage where the deal is writes the answer, and no change."""
    with shop.selling(engine) as crm:
        crm.move(crm.create("Acme", id="d1"), "new", key="k")
    assert heard == [("DealCreated", "d1")]


@pytest.mark.parametrize("shop", cases(lambda kind: kind.__name__ in {"BareSQLite", "Django"}), indirect=True)
def test_it_is_the_engine_that_was_joined(shop: Shop) -> None:
    """Its pipelines, clock, ids, time zone and seals go with it."""
    late = datetime(2026, 3, 1, 22, tzinfo=UTC)  # three hours east of there it is the second of March
    zone = timezone(timedelta(hours=3))
    engine = Engine(SALES, clock=FrozenClock(late), ids=sequential_ids(), zone=zone, sealed=True)
    with shop.selling(engine) as crm:
        deal = crm.create("Acme")
        assert crm.pipelines == engine.pipelines
        assert (deal.id, deal.created_at) == ("deal_00000000000000000000000001", late)
        second_of_march = (date(2026, 3, 2), date(2026, 3, 3))
        assert crm.funnel("sales", created=second_of_march).counts()["new"] == 1
    assert shop.database.rows("SELECT COUNT(*) FROM move WHERE seal = ''") == [0]
    assert sound(shop)


# -- who listens ----------------------------------------------------------------------------------------


def test_a_subscriber_that_fails_spoils_nothing(
    shop: Shop, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; the next one hears, the order and the deal stay."""

    def fail(_: object) -> None:
        raise Oops

    engine.subscribe(fail)
    told: list[Any] = []
    engine.subscribe(told.append)
    with caplog.at_level(logging.ERROR, "funnelkit"), shop.selling(engine) as crm:
        shop.order(1)
        crm.create("Acme", id="d1")
    assert "failed on DealCreated" in caplog.text
    assert [change.record for change in told] == ["d1"]
    assert shop.stored() == ([1], ["d1"])


def test_a_subscriber_sees_what_is_committed(shop: Shop, engine: Engine) -> None:
    """When it is called, everybody sees the order and the deal."""
    seen: list[Any] = []
    engine.subscribe(lambda change: seen.append(shop.stored()))
    with shop.selling(engine) as crm:
        shop.order(1)
        crm.create("Acme", id="d1")
    assert seen == [([1], ["d1"])]


@pytest.mark.parametrize("shop", cases(lambda kind: kind is not SQLAlchemySession), indirect=True)
def test_a_subscriber_may_use_the_connection(shop: Shop, engine: Engine) -> None:
    """It writes with the same connection, in a transaction of its own, and that is told of as well.

    A Session inside ``with session.begin()`` is the exception: SQLAlchemy lets nobody use it there.
    """
    heard: Heard = []

    def answer(change: Any) -> None:
        heard.append((type(change).__name__, change.record))
        if change.record == "d1":
            with shop.selling(engine) as crm:
                shop.order(2)
                crm.create("Bolt", id="d2")

    engine.subscribe(answer)
    with shop.selling(engine) as crm:
        shop.order(1)
        crm.create("Acme", id="d1")
    assert shop.stored() == ([1, 2], ["d1", "d2"])
    assert heard == [("DealCreated", "d1"), ("DealCreated", "d2")]


# -- its end --------------------------------------------------------------------------------------------


def test_a_subscriber_cannot_act_in_a_transaction_that_is_over(
    shop: Shop, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The joined engine has ended by then; else the act would wait in a transaction that nobody ends."""
    joined: list[Engine] = []
    engine.subscribe(lambda change: joined[0].move(change.record, "won"))
    with caplog.at_level(logging.ERROR, "funnelkit"), shop.selling(engine) as crm:
        joined.append(crm)
        crm.create("Acme", id="d1")
    assert "StoreClosedError" in caplog.text
    shop.order(1)
    assert shop.stored()[1] == ["d1"]


def test_it_ends_with_the_transaction(shop: Shop, engine: Engine) -> None:
    """Afterwards a verb and a question raise StoreClosedError, also while the next transaction is open."""
    with shop.selling(engine) as crm:
        crm.create("Acme", id="d1")
    with pytest.raises(StoreClosedError):
        crm.create("Bolt")
    with pytest.raises(StoreClosedError):
        crm.find("deal")
    assert shop.stored() == ([], ["d1"])
