"""The profile of a client: what is in it, what it says, and how few questions it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from tests.servers import Schemas
from tests.unit.clients.conftest import a_server

from funnelkit import (
    AsyncEngine,
    Contact,
    Engine,
    FrozenClock,
    MemoryStore,
    Pipeline,
    Stage,
    money,
    templates,
)
from funnelkit.clients.profile import Client
from funnelkit.errors import InputError, NotFoundError
from funnelkit.records import Record
from funnelkit.storage.base import Commit, Kind, Write

SALES = Pipeline(
    "sales",
    [Stage("new"), Stage("offer")],
    close_reasons={"lost": {"price": "too expensive"}, "void": {"duplicate": "there twice"}},
)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def an_engine(store: Any = None) -> tuple[Engine, FrozenClock]:
    """Return an engine for leads and deals, and its clock, which stands at a Monday morning."""
    clock = FrozenClock(MONDAY)
    return Engine(SALES, templates.lead_intake(), store=store, clock=clock), clock


def a_life(engine: Engine, clock: FrozenClock) -> Contact:
    """Return a client who asked, bought twice, was lost once, and has one deal open."""
    acme = engine.create_company("Acme", id="acme", owner="bob")
    ada = engine.create_contact("Ada Lovelace", id="c1", company=acme)
    engine.capture("Who sells seats?", id="l1", contact=ada)
    for id, value in (("d1", money(1200, "EUR")), ("d2", money(300, "USD"))):
        engine.win(engine.create(f"Order {id}", id=id, contact=ada, value=value))
        clock.tick(timedelta(days=1))
    engine.lose(engine.move(engine.create("More", id="d3", contact=ada), "offer"), reason="price")
    engine.void(engine.create("Twice", id="d4", contact=ada, value=money(7, "EUR")), reason="duplicate")
    engine.create("Even more", id="d5", contact=ada, value=money("99.50", "EUR"))
    return ada


def test_a_profile_can_be_read() -> None:
    """It prints who it is, who holds it, what was bought, what is open, who was lost and why."""
    engine, clock = an_engine()
    ada = a_life(engine, clock)
    engine.log(ada, "call", "likes the blue ones", actor="ann")
    assert str(engine.client("c1")) == (
        "Ada Lovelace (contact c1), of Acme, held by bob, bought before\n"
        "  bought 2 times, from 2026-03-02 to 2026-03-03: 1,200.00 EUR, 300.00 USD\n"
        "  open 1: 99.50 EUR\n"
        "  lost 1\n"
        "    2026-03-04 'More' on offer: too expensive\n"
        "  leads 1, the last of 2026-03-02\n"
        "  activities 1\n"
        "    2026-03-04 09:00 call: 'likes the blue ones', by ann"
    )


def test_first_and_last_purchase_are_those_of_wins_that_stand() -> None:
    """A win that was reopened is no purchase any more."""
    engine, clock = an_engine()
    ada = a_life(engine, clock)
    assert engine.client(ada).first_purchase == MONDAY
    assert engine.client(ada).last_purchase == MONDAY + timedelta(days=1)
    engine.reopen("d2", reason="paid back")
    assert engine.client(ada).last_purchase == MONDAY
    assert engine.client(ada).won == {"EUR": money(1200, "EUR")}


def test_nobody_bought_yet() -> None:
    """Without a win there is no purchase, no order, no sum."""
    engine, _ = an_engine()
    client = engine.client(engine.create_contact("Ada"))
    assert (client.first_purchase, client.last_purchase, client.orders, client.won) == (None, None, (), {})


def test_who_was_lost_and_why_is_told() -> None:
    """A lost deal has the instant, the stage and the text of the reason."""
    engine, clock = an_engine()
    a_life(engine, clock)
    (lost,) = engine.client("c1").lost
    assert lost.close is not None
    assert (lost.id, lost.stage, lost.close.reason_text) == ("d3", "offer", "too expensive")
    assert lost.close.at == MONDAY + timedelta(days=2)


@pytest.mark.parametrize(
    ("did", "mark"), [([], ""), (["void"], ""), (["lose"], "inquiry"), (["lose", "win"], "deal")]
)
def test_the_repeat_state_is_what_the_next_deal_will_be_marked(did: list[str], mark: str) -> None:
    """Who bought is a repeat client; who was lost comes again; what is void says nothing."""
    engine, _ = an_engine()
    ada = engine.create_contact("Ada")
    reasons = {"lose": "price", "void": "duplicate", "win": ""}
    for verb in did:
        getattr(engine, verb)(engine.create("Deal", contact=ada), reason=reasons[verb])
    assert engine.client(ada).repeat == mark
    assert engine.create("Next", contact=ada).repeat == mark


def test_the_personal_manager_is_the_owner_else_that_of_the_company() -> None:
    """A person's own manager comes before the manager of the company."""
    engine, _ = an_engine()
    acme = engine.create_company("Acme", owner="bob")
    ada = engine.create_contact("Ada", company=acme)
    assert engine.client(ada).manager == "bob"
    assert engine.client(engine.assign(ada, "ann")).manager == "ann"


def test_a_timeline_is_of_the_client_their_leads_and_their_deals() -> None:
    """Activities come in the order of time, wherever they were written down."""
    engine, clock = an_engine()
    ada = a_life(engine, clock)
    told = [("l1", "mail", 1), ("d5", "meeting", 3), (ada.id, "call", 2), ("acme", "note", 0)]
    for record, kind, hours in told:
        engine.log(record, kind, at=MONDAY + timedelta(hours=hours))
    assert [activity.kind for activity in engine.client(ada).activities] == ["mail", "call", "meeting"]


def test_inquiries_are_among_the_activities() -> None:
    """What was said when somebody asked is kept and found."""
    engine, _ = an_engine()
    deal = engine.create("Seats", person="Ada", email="ada@gmail.com", consent="terms of March")
    (inquiry,) = engine.client(deal.contact).inquiries
    assert inquiry.custom["consent"] == "terms of March"


def test_a_company_has_its_people() -> None:
    """The contacts of a company stand in its profile, by name."""
    engine, _ = an_engine()
    acme = engine.create_company("Acme")
    for name in ("Grace", "Ada"):
        engine.create_contact(name, company=acme)
    engine.create("Seats", company=acme)
    client = engine.client(acme)
    assert [contact.name for contact in client.contacts] == ["Ada", "Grace"]
    assert [deal.name for deal in client.deals] == ["Seats"]


def test_the_id_of_who_was_merged_leads_to_the_whole_history() -> None:
    """After two were merged, either id shows one profile, with the deals and calls of both."""
    engine, clock = an_engine()
    a_life(engine, clock)
    engine.create_contact("Ada L.", id="c2")
    engine.win(engine.create("Other", id="d9", contact="c2", value=money(1, "EUR")))
    engine.log("c2", "call", "from before")
    engine.apply(engine.plan_merge(["c1", "c2"], survivor="c1"))
    client = engine.client("c2")
    assert client == engine.client("c1")
    assert client.record.id == "c1"
    assert client.won["EUR"] == money(1201, "EUR")
    assert "from before" in [activity.text for activity in client.activities]


def test_a_deal_written_while_its_client_was_merged_is_not_lost() -> None:
    """It still names who was merged, and belongs to who stands for them."""
    store = MemoryStore()
    engine, _ = an_engine(store)
    for id in ("c1", "c2"):
        engine.create_contact("Ada", id=id)
    late = engine.create("Late", id="late", contact="c1")
    engine.apply(engine.plan_merge(["c1", "c2"], survivor="c1"))
    store.commit(Commit(writes=(Write(attrs.evolve(late, contact="c2", version=2), 1),)))
    assert [deal.id for deal in engine.client("c1").deals] == ["late"]


def test_a_deal_that_was_merged_is_there_once() -> None:
    """What a merged deal was told of is told of the one that stands for it."""
    engine, clock = an_engine()
    ada = a_life(engine, clock)
    engine.create("Even more, again", id="d6", contact=ada)
    engine.log("d6", "call", "of the other card")
    engine.apply(engine.plan_merge(["d5", "d6"], survivor="d5"))
    client = engine.client(ada)
    assert [deal.id for deal in client.deals] == ["d1", "d2", "d3", "d4", "d5"]
    assert "of the other card" in [activity.text for activity in client.activities]


class Counting(MemoryStore):
    """A store that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Count, and answer."""
        self.asked += 1
        return super().query(sql, params)

    def get(self, kind: Kind, id: str) -> Any:
        """Count, and answer."""
        self.asked += 1
        return super().get(kind, id)

    def get_many(self, kind: Kind, ids: Any) -> dict[str, Record]:
        """Count, and answer."""
        self.asked += 1
        return super().get_many(kind, ids)


def _questions(store: Counting, engine: Engine, contact: Contact) -> tuple[int, Client]:
    store.asked = 0
    client = engine.client(contact)
    return store.asked, client


def test_a_profile_takes_as_many_questions_for_one_deal_as_for_two_hundred() -> None:
    """The number of questions is fixed, and small."""
    store = Counting()
    engine, _ = an_engine(store)
    ada = engine.create_contact("Ada")
    engine.log(engine.create("One", contact=ada), "call")
    few, _ = _questions(store, engine, ada)
    for number in range(199):
        engine.log(engine.create(f"N{number}", contact=ada), "call")
    many, client = _questions(store, engine, ada)
    assert (len(client.deals), len(client.activities)) == (200, 200)
    assert many == few
    assert few <= 6


def test_more_than_a_page_is_all_there() -> None:
    """With 501 deals the activities are asked for in two pages, and all are found."""
    engine, _ = an_engine()
    ada = engine.create_contact("Ada")
    for number in range(501):
        engine.log(engine.create(f"N{number}", contact=ada), "call")
    client = engine.client(ada)
    assert (len(client.deals), len(client.activities)) == (501, 501)


@pytest.mark.parametrize("ref", ["l1", "d1"])
def test_a_lead_or_deal_is_no_client(ref: str) -> None:
    """The error says what a client is."""
    engine, clock = an_engine()
    a_life(engine, clock)
    with pytest.raises(InputError, match="give a contact or a company"):
        engine.client(ref)


def test_nobody_has_no_profile() -> None:
    """An unknown id is not found."""
    with pytest.raises(NotFoundError):
        an_engine()[0].client("nobody")


def test_an_engine_that_is_awaited_says_the_same() -> None:
    """The profile is read by one text."""
    store = MemoryStore()
    a_life(*an_engine(store))

    async def asked() -> Client:
        return await AsyncEngine(SALES, templates.lead_intake(), store=store).client("c1")

    assert asyncio.run(asked()) == an_engine(store)[0].client("c1")


def test_postgres_says_the_same(schemas: Schemas) -> None:
    """A server's profile is the one from memory."""
    ours, theirs = an_engine(), an_engine(a_server(schemas))
    a_life(*ours)
    with theirs[0] as engine:
        a_life(engine, theirs[1])
        assert str(engine.client("c1")) == str(ours[0].client("c1"))
