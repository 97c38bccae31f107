"""Candidates out of a store: who is found by which key, who stands for whom."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers import Schemas
from tests.unit.clients.conftest import a_server

from funnelkit import AsyncEngine, Engine, MemoryStore, Pipeline, Stage, templates
from funnelkit.clients import DEFAULT_RULES, Candidates, FuzzyNames, MatchRule
from funnelkit.errors import InputError, NotFoundError

PHONE = "+442079460000"


def an_engine(store: Any = None) -> Engine:
    """Return an engine that takes in leads."""
    return Engine(templates.lead_intake(), store=store)


def ids(found: Candidates) -> list[str]:
    """Return the ids of the candidates, the surest first."""
    return [one.record.id for one in found]


def test_a_stored_inquiry_finds_who_shares_a_key_and_never_itself() -> None:
    """The inquiry has the key as well, and is not its own candidate."""
    engine = an_engine()
    engine.create_contact("Ada", id="c1", email="Ada@acme.example")
    engine.create_contact("Bob", id="c2", email="bob@other.example")
    lead = engine.capture("A. L.", id="l1", email="ada@ACME.example")
    assert ids(engine.candidates("l1")) == ids(engine.candidates(lead)) == ["c1"]


def test_who_asked_thirty_times_is_known_still() -> None:
    """Thirty leads of one address are noise among leads; the contact of that address is found."""
    engine = an_engine()
    for number in range(30):
        engine.capture("Ada", id=f"a{number:02d}", email="ada@gmail.com")
    engine.create_contact("Ada", id="z1", email="ada@gmail.com")
    found = engine.candidates(engine.capture("Ada", email="ada@gmail.com"))
    assert ids(found) == ["z1"]
    said = "email:ada@gmail.com finds more than 20 leads and was not used for them"
    assert said in [str(noise) for noise in found.noise]


def test_who_was_merged_leads_to_who_stands_for_them() -> None:
    """An address that only the merged record had finds the one that survived, merges later."""
    engine = an_engine()
    for id, email in (("c1", "ada@gmail.com"), ("c2", "lovelace@gmail.com"), ("c3", "l@gmail.com")):
        engine.create_contact("Ada", id=id, email=email)
    engine.apply(engine.plan_merge(["c2", "c3"], survivor="c2"))
    engine.apply(engine.plan_merge(["c1", "c2"], survivor="c1"))
    assert ids(engine.candidates(engine.capture("?", email="l@gmail.com"))) == ["c1"]


def test_many_that_were_merged_hide_nobody() -> None:
    """Thirty records of one phone were merged into one; who has that phone besides is found."""
    engine = an_engine()
    for number in range(31):
        engine.create_contact("Ada", id=f"c{number:02d}", phone=PHONE)
    engine.create_contact("Grace", id="z1", phone=PHONE)
    for first in (1, 11, 21):
        others = [f"c{number:02d}" for number in range(first, first + 10)]
        engine.apply(engine.plan_merge(["c00", *others], survivor="c00"))
    found = engine.candidates(engine.capture("?", phone=PHONE))
    assert ids(found) == ["c00", "z1"]
    assert not found.noise


@pytest.mark.parametrize("rules", [DEFAULT_RULES, (*DEFAULT_RULES, FuzzyNames(0.9))])
def test_a_name_of_very_many_words_is_looked_for(rules: Any) -> None:
    """A hostile inquiry names 250 words, each of which is a key."""
    if len(rules) > len(DEFAULT_RULES):
        pytest.importorskip("rapidfuzz")
    engine = an_engine()
    name, company = (" ".join(f"{letter}{number:02d}" for number in range(125))[:500] for letter in "ab")
    engine.create_contact(name, id="c1", email="ada@gmail.com")
    lead = engine.capture(name, company_name=company, email="ada@gmail.com")
    assert ids(engine.candidates(lead, rules=rules)) == ["c1"]


def test_words_that_are_too_common_are_noise() -> None:
    """Of 21 people called Ada nobody is compared for that word; one is, for the rarer word."""
    pytest.importorskip("rapidfuzz")
    engine = an_engine()
    for number in range(20):
        engine.create_contact(f"Ada Q{number}x", id=f"c{number:02d}")
    engine.create_contact("Ada Lovelace", id="z1")
    found = engine.candidates(engine.capture("Adah Lovelace", id="l1"), rules=[FuzzyNames(0.9)])
    assert ids(found) == ["z1"]
    found = engine.candidates(engine.capture("Ada Lovelase", id="l2"), rules=[FuzzyNames(0.9)])
    assert ids(found) == []
    assert [noise.key for noise in found.noise] == ["word:ada"]


def test_only_keys_that_a_rule_looks_at_are_asked_for() -> None:
    """A rule of addresses knows nothing of a number that too many share."""
    engine = an_engine()
    for number in range(21):
        engine.create_contact(f"N{number}", phone=PHONE)
    lead = engine.capture("?", phone=PHONE, email="ada@gmail.com")
    assert engine.candidates(lead).noise
    assert not engine.candidates(lead, rules=[MatchRule("same e-mail", ("email",))]).noise


def test_a_contact_is_compared_with_the_name_of_its_company() -> None:
    """The lead says Acme, the contact's company is called so."""
    engine = an_engine()
    engine.create_contact("Ada Lovelace", id="c1", company=engine.create_company("Acme Ltd", id="acme"))
    lead = engine.capture("Lovelace Ada", company_name="ACME")
    assert ids(engine.candidates(lead)) == ["c1", "acme"]
    assert ids(engine.candidates("c1")) == [lead.id, "acme"]


def test_a_deal_has_no_keys_and_nobody_has_no_candidates() -> None:
    """Whoever asks about something else is told."""
    engine = Engine(Pipeline("sales", [Stage("new")]))
    deal = engine.create("Acme")
    with pytest.raises(InputError, match="has no keys"):
        engine.candidates(deal.id)
    with pytest.raises(NotFoundError):
        engine.candidates("c1")


def test_an_engine_that_is_awaited_finds_the_same() -> None:
    """The look-up is written once."""
    import asyncio

    store = MemoryStore()
    engine = an_engine(store)
    engine.create_contact("Ada", id="c1", email="ada@gmail.com")
    lead = engine.capture("Ada", email="ada@gmail.com")

    async def asked() -> Candidates:
        return await AsyncEngine(templates.lead_intake(), store=store).candidates(lead)

    assert asyncio.run(asked()) == engine.candidates(lead)


def test_postgres_finds_the_same(schemas: Schemas) -> None:
    """A server answers as memory does."""

    def found(engine: Engine) -> str:
        for number in range(22):
            engine.create_contact("Ada", id=f"c{number:02d}", phone=PHONE, email=f"a{number}@acme.example")
        engine.apply(engine.plan_merge(["c03", "c04"], survivor="c03"))
        engine.apply(engine.plan_merge(["c05", "c06"], survivor="c05"))
        return str(engine.candidates(engine.capture("Ada", id="l1", phone=PHONE, email="A4@acme.example")))

    with an_engine(a_server(schemas)) as engine:
        assert found(engine) == found(an_engine())
