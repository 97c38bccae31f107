"""Inquiries: where they go, who they are from, and that the same one is recognised."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Schemas

from funnelkit import (
    AsyncEngine,
    Deal,
    Engine,
    FrozenClock,
    KeyPolicy,
    Lead,
    MemoryStore,
    Pipeline,
    Stage,
    templates,
)
from funnelkit.errors import InputError, KeyReusedError
from funnelkit.intake.source import Source

SALES = Pipeline("sales", [Stage("new"), Stage("offer")], close_reasons={"lost": ["price"]})
SHOP = Pipeline("shop", [Stage("basket"), Stage("paid")], kind="lead")
SOURCES = (
    Source(id="site", channel="form", campaign="spring", owner="ann", pipeline="lead_intake"),
    Source(id="phone", channel="phone", owner="bob", pipeline="lead_intake"),
    Source(id="shop", pipeline="shop", stage="paid", owner="cleo"),
    Source(id="fair", pipeline="lead_intake", same_within="0d"),
    Source(id="direct", channel="chat", pipeline="sales", stage="offer", campaign="chat", owner="dan"),
)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def an_engine(store: Any = None, clock: FrozenClock | None = None) -> Engine:
    """Return an engine with five sources, two pipelines for leads and one for deals."""
    return Engine(
        SALES,
        SHOP,
        templates.lead_intake(),
        store=store,
        sources=SOURCES,
        clock=clock or FrozenClock(MONDAY),
    )


def inquiries(engine: Engine, record: Lead | Deal) -> list[Any]:
    """Return what was kept of each inquiry of a card."""
    return [each.custom for each in engine.activities(record) if each.kind == "inquiry"]


def test_a_source_decides_pipeline_stage_owner_and_campaign() -> None:
    """What the caller leaves open comes from the source."""
    engine = an_engine()
    lead = engine.capture("Ada", source="shop")
    assert (lead.pipeline, lead.stage, lead.owner, lead.source) == ("shop", "paid", "cleo", "shop")
    assert engine.capture("Ada", source="site").campaign == "spring"


def test_what_the_caller_says_holds() -> None:
    """Owner, campaign and pipeline of the call come before those of the source, and its stage goes."""
    lead = an_engine().capture("Ada", source="shop", owner="eve", campaign="mine", pipeline="lead_intake")
    assert (lead.owner, lead.campaign, lead.pipeline) == ("eve", "mine", "lead_intake")
    assert lead.stage == templates.lead_intake().first


def test_an_unknown_source_is_refused_with_a_suggestion() -> None:
    """A slip of the pen makes no new source, and no card."""
    engine = an_engine()
    with pytest.raises(InputError, match=r"there is no source 'sit' \(did you mean 'site'"):
        engine.capture("Ada", source="sit")
    assert engine.find("lead") == []


def test_a_source_of_deals_brings_no_leads() -> None:
    """The error says which verb to use."""
    with pytest.raises(InputError, match=r"'direct' brings deals .*use create"):
        an_engine().capture("Ada", source="direct")


def test_a_source_of_deals_feeds_create() -> None:
    """The person and the company that nobody knew are made with the deal, in its commit."""
    engine = an_engine()
    deal = engine.create(
        "40 seats", source="direct", person="Ada", email="ada@acme.example", company_name="Acme"
    )
    assert (deal.pipeline, deal.stage, deal.owner, deal.campaign) == ("sales", "offer", "dan", "chat")
    ada = engine.get(deal.contact)
    assert (ada.name, ada.email) == ("Ada", "ada@acme.example")  # type: ignore[union-attr]
    assert engine.get(deal.company).name == "Acme"
    assert len(engine.find("contact")) == len(engine.find("company")) == 1


def test_a_known_client_gets_the_deal_and_is_marked() -> None:
    """Who bought before is found by the address, not made again, and the deal says that they came again."""
    engine = an_engine()
    first = engine.win(engine.create("One", source="direct", person="Ada", email="ada@gmail.com"))
    again = engine.create("Two", source="direct", person="A. L.", email="ADA@gmail.com")
    assert again.contact == first.contact
    assert again.repeat == "deal"
    assert len(engine.find("contact")) == 1


def test_a_known_client_is_attached_to_a_lead_and_marked() -> None:
    """Who was lost before comes again with an inquiry."""
    engine = an_engine()
    ada = engine.create_contact("Ada", phone="+44 20 7946 0000")
    engine.lose(engine.create("One", contact=ada), reason="price")
    lead = engine.capture("?", source="phone", phone="+442079460000")
    assert (lead.contact, lead.repeat) == (ada.id, "inquiry")


PHONE = "+442079460000"


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ({"email": "ada@gmail.com"}, "c1"),
        ({"email": "ada@gmail.com", "phone": "+442079460001"}, "c2"),
        ({"email": "ada@gmail.com", "phone": PHONE}, "c1"),
        ({"phone": PHONE}, ""),
        ({"phone": "+442079460001"}, "c2"),
        ({"email": "new@gmail.com", "phone": PHONE}, ""),
        ({"custom": {"inn": "7701"}, "phone": PHONE}, "c3"),
        ({"custom": {"inn": "7702"}}, ""),
    ],
)
def test_the_surest_that_is_said_tells_the_client(said: dict[str, Any], client: str) -> None:
    """An address goes before an identifier, that before a number; who is open is not guessed."""
    engine = Engine(
        templates.lead_intake(),
        sources=[Source(id="site")],
        keys=KeyPolicy(identifiers={"inn": "custom.inn"}),
    )
    for id, email, phone, inn in (
        ("c1", "ada@gmail.com", "", ""),
        ("c2", "ada@gmail.com", "+442079460001", "7702"),
        ("c3", "", PHONE, "7701"),
        ("c4", "", PHONE, "7702"),
    ):
        engine.create_contact(id, id=id, email=email, phone=phone, custom={"inn": inn})
    assert engine.capture("?", source="site", **said).contact == client


def test_clients_that_are_there_twice_do_not_become_more() -> None:
    """Of two contacts with one address the older one gets the deals, month after month."""
    clock = FrozenClock(MONDAY)
    engine = an_engine(clock=clock)
    for id in ("z", "a"):
        engine.create_contact("Ada", id=id, email="ada@gmail.com")
        clock.tick("1h")
    for _ in range(3):
        clock.tick("30d")
        assert engine.create("Seats", source="direct", person="Ada", email="ada@gmail.com").contact == "z"
    assert len(engine.find("contact")) == 2


def test_the_same_inquiry_from_two_channels_is_one_card() -> None:
    """A form and a call within a day make one card with two inquiries, each with consent and origin."""
    clock = FrozenClock(MONDAY)
    engine = an_engine(clock=clock)
    said: dict[str, Any] = {"email": "Ada@gmail.com", "phone": "+44 20 7946 0000"}
    form = engine.capture("Ada", source="site", consent={"news": True}, origin="/prices", **said)
    clock.tick("3h")
    call = engine.capture("Mrs Ada", source="phone", phone="+442079460000", consent="asked", origin="line 2")
    assert call == form
    first, second = inquiries(engine, form)
    assert (first["channel"], first["consent"]["news"], first["origin"]) == ("form", True, "/prices")
    assert (second["channel"], second["consent"], second["origin"]) == ("phone", "asked", "line 2")
    assert len(engine.find("lead")) == 1


@pytest.mark.parametrize(
    ("wait", "second", "cards"),
    [
        ("23h", {"source": "phone"}, 1),
        ("24h", {"source": "phone"}, 2),
        ("1h", {"source": "fair"}, 2),
        ("1h", {"source": "shop"}, 2),
    ],
)
def test_what_is_no_repetition_makes_a_card(wait: str, second: dict[str, Any], cards: int) -> None:
    """Too late, a source that wants a card of each, another pipeline: then it is another inquiry."""
    clock = FrozenClock(MONDAY)
    engine = an_engine(clock=clock)
    engine.capture("Ada", source="site", email="ada@gmail.com")
    clock.tick(wait)
    engine.capture("Ada", email="ada@gmail.com", **second)
    assert len(engine.find("lead")) == cards


def test_a_closed_card_takes_no_inquiry() -> None:
    """Who asks again after the answer has a new card."""
    engine = an_engine()
    lead = engine.capture("Ada", source="site", email="ada@gmail.com")
    engine.void(lead, reason=next(iter(templates.lead_intake().close_reasons["void"])).id)
    assert engine.capture("Ada", source="site", email="ada@gmail.com").id != lead.id


def test_two_people_of_one_phone_have_two_cards() -> None:
    """A switchboard is shared: different addresses are different people."""
    engine = an_engine()
    phone = "+442079460000"
    ada = engine.capture("Ada", source="site", email="ada@acme.example", phone=phone)
    bob = engine.capture("Bob", source="site", email="bob@acme.example", phone=phone)
    assert ada.id != bob.id


def test_an_inquiry_of_many_before_is_recognised() -> None:
    """Of thirty closed cards of one address and an open one, the open one is found."""
    engine = an_engine()
    reason = next(iter(templates.lead_intake().close_reasons["void"])).id
    for number in range(30):
        engine.void(
            engine.capture("Ada", id=f"a{number:02d}", source="site", email="ada@gmail.com"), reason=reason
        )
    last = engine.capture("Ada", id="z", source="site", email="ada@gmail.com")
    assert engine.capture("Ada", source="phone", email="ada@gmail.com").id == last.id


def test_the_same_deal_is_recognised_even_when_two_contacts_are_known() -> None:
    """The person of a shared number cannot be told, but there is an open deal of that number."""
    engine = an_engine()
    for id in ("c1", "c2"):
        engine.create_contact("Ada", id=id, phone=PHONE)
    first = engine.create("Seats", source="direct", person="Ada", phone=PHONE)
    assert engine.create("Seats", source="direct", person="Ada", phone=PHONE).id == first.id


def test_a_request_repeated_under_its_key_is_answered_the_same() -> None:
    """One card, one inquiry, however often it is sent; another request under the key is refused."""
    engine = an_engine()
    answers = [engine.capture("Ada", source="fair", email="ada@gmail.com", key="m-1") for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(engine.find("lead")) == len(inquiries(engine, answers[0])) == 1
    with pytest.raises(KeyReusedError):
        engine.capture("Bob", source="fair", key="m-1")


@pytest.mark.parametrize("where", ["memory", "sqlite", "postgres"])
def test_one_key_from_many_threads_is_one_card(where: str, tmp_path: Path, schemas: Schemas) -> None:
    """Eight threads send the same message under one key, five messages each: five cards."""
    urls: dict[str, Any] = {
        "memory": None,
        "sqlite": f"sqlite:///{tmp_path / 'crm.db'}",
        "postgres": f"{schemas.url}?schema={schemas.new()}",
    }
    with an_engine(urls[where]) as engine:

        def send(_: int) -> list[str]:
            return [
                engine.capture(f"N{n}", source="fair", email=f"n{n}@gmail.com", key=f"k{n}").id
                for n in range(5)
            ]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        assert all(each == answers[0] for each in answers)
        leads = engine.find("lead")
        assert sorted(lead.id for lead in leads) == sorted(answers[0])
        assert [len(inquiries(engine, lead)) for lead in leads if isinstance(lead, Lead)] == [1] * 5


@pytest.mark.parametrize("where", ["memory", "postgres"])
def test_an_engine_that_is_awaited_takes_in_the_same(where: str, schemas: Schemas) -> None:
    """Source, repetition, key and client work the same."""

    async def life() -> list[Any]:
        store: Any = MemoryStore() if where == "memory" else f"{schemas.url}?schema={schemas.new()}"
        engine = AsyncEngine(
            SALES, SHOP, templates.lead_intake(), store=store, sources=SOURCES, clock=FrozenClock(MONDAY)
        )
        async with engine:
            first = await engine.capture("Ada", source="site", email="ada@gmail.com", key="k1")
            same = await engine.capture("Ada", source="phone", email="ada@gmail.com", key="k2")
            again = await engine.capture("Ada", source="site", email="ada@gmail.com", key="k1")
            deal = await engine.create("Seats", source="direct", person="Ada", email="ada@gmail.com")
            more = await engine.create("Seats", source="direct", person="Ada", email="ada@gmail.com")
            kept = [each.kind for each in await engine.activities(first)]
            return [
                first.id == same.id == again.id,
                deal.id == more.id,
                kept,
                (await engine.get(deal.contact)).name,
            ]

    assert asyncio.run(life()) == [True, True, ["inquiry", "inquiry"], "Ada"]


@pytest.mark.parametrize(
    "said",
    [
        {"email": "a" * 501},
        {"phone": 7},
        {"email": "x\0y"},
        {"company_name": "\ud800"},
        {"consent": {1, 2}},
        {"origin": {"a.b": 1}},
    ],
)
def test_what_no_store_can_hold_is_refused_and_leaves_nothing(said: dict[str, Any]) -> None:
    """The error names the argument; neither card nor client nor key is written."""
    engine = an_engine()
    for capture in (engine.capture, engine.create):
        source = "site" if capture == engine.capture else "direct"
        with pytest.raises(InputError, match=next(iter(said))):
            capture("Ada", source=source, key="k", **said)
    assert engine.store.query("SELECT COUNT(*) FROM change", {}) == [(0,)]
    assert engine.capture("Ada", source="site", key="k").name == "Ada"


@pytest.mark.parametrize(("said", "error"), [({"nickname": "Ada"}, TypeError), ({"value": 7}, InputError)])
def test_a_repetition_is_checked_like_a_first_one(said: dict[str, Any], error: type[Exception]) -> None:
    """What would be refused of a new card is refused of the same inquiry, too."""
    engine = an_engine()
    for _ in range(2):
        with pytest.raises(error):
            engine.capture("Ada", source="site", email="ada@gmail.com", **said)
        engine.capture("Ada", source="site", email="ada@gmail.com")


def test_inquiries_without_sources_are_kept_where_something_was_said() -> None:
    """An engine without sources keeps consent and origin all the same."""
    engine = Engine(templates.lead_intake())
    lead = engine.capture("Ada", email="ada@gmail.com", consent="terms", source="anything")
    assert inquiries(engine, lead)[0]["consent"] == "terms"
    assert lead.source == "anything"


def test_a_very_long_time_is_time_enough() -> None:
    """A source may count all inquiries ever as the same one."""
    clock = FrozenClock(MONDAY)
    ever = Source(id="ever", same_within=timedelta(days=999_999_999))
    engine = Engine(templates.lead_intake(), sources=[ever], clock=clock)
    first = engine.capture("Ada", source="ever", email="ada@gmail.com")
    clock.tick(timedelta(days=3650))
    assert engine.capture("Ada", source="ever", email="ada@gmail.com").id == first.id
