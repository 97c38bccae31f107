"""Who it surely is: an inquiry, a conversion and a table give the same answer."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.clients.conftest import Make

from funnelkit import Engine, FrozenClock, KeyPolicy, Pipeline, Stage, templates
from funnelkit.clients import keys_of
from funnelkit.clients.matching import NOISE
from funnelkit.clients.sure import Sure, may_be_one, sure_match
from funnelkit.intake.source import Source
from funnelkit.records import Record
from funnelkit.tables.importing import import_table, plan_table
from funnelkit.tables.mapping import TableMapping

POLICY = KeyPolicy(identifiers={"inn": "custom.inn", "kpp": "custom.kpp"})
PHONE, OTHER = "+442079460000", "+442079460001"
FIELDS = ("name", "email", "phone", "inn")
TABLE = TableMapping(
    kind="contact",
    key="id",
    fields={"name": "name", "email": "email", "phone": "phone", "custom.inn": "inn"},
)

Said = tuple[str, str, str, str]
ADA: Said = ("Ada Lovelace", "ada@x.example", PHONE, "77")


def an_engine(*contacts: Said, sourced: bool = True) -> Engine:
    """Return an engine that knows some contacts, c0 the oldest of them."""
    clock = FrozenClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    engine = Engine(
        templates.lead_intake(),
        Pipeline("sales", [Stage("new")]),
        clock=clock,
        keys=POLICY,
        sources=[Source(id="site")] if sourced else (),
    )
    for number, contact in enumerate(contacts):
        engine.create_contact(id=f"c{number}", **fields(contact))
        clock.tick("1h")
    return engine


def fields(said: Said) -> dict[str, Any]:
    """Return what somebody says as the fields of a lead or a contact."""
    name, email, phone, inn = said
    return {"name": name, "email": email, "phone": phone, "custom": {"inn": inn} if inn else {}}


def captured(engine: Engine, said: Said) -> str:
    """Return the client to whom an inquiry is linked."""
    return engine.capture(source="site", **fields(said)).contact


def planned(engine: Engine, said: Said) -> str:
    """Return the contact that a lead would become which was there before its client was."""
    lead = engine.capture(**fields(said))
    assert not lead.contact
    contact = engine.plan_conversion(lead).matched.get("contact")
    return contact.id if contact else ""


def imported(engine: Engine, said: Said) -> str:
    """Return the contact that a row is about."""
    table = f"id,{','.join(FIELDS)}\nnew,{','.join(said)}\n"
    (plan,) = plan_table(engine, io.BytesIO(table.encode()), TABLE)
    report = import_table(engine, io.BytesIO(table.encode()), TABLE)
    assert (plan.fate == "create", report.bad) == (report.created == 1, 0)
    return "" if plan.fate == "create" else plan.record


QUESTIONS: dict[str, tuple[list[Said], Said, str]] = {
    "nobody": ([], ADA, ""),
    "all the same": ([ADA], ADA, "c0"),
    "address": ([ADA], ("Bob", "ada@x.example", "", ""), "c0"),
    "address, whatever the rest": ([ADA], ("Bob", "ada@x.example", OTHER, "78"), "c0"),
    "identifier": ([ADA], ("Bob", "", "", "77"), "c0"),
    "identifier, whatever the number": ([ADA], ("Bob", "", OTHER, "77"), "c0"),
    "identifier of a colleague": ([ADA], ("Bob", "bob@x.example", "", "77"), ""),
    "number": ([ADA], ("A. Lovelace", "", PHONE, ""), "c0"),
    "number without a name": ([ADA], ("?", "", PHONE, ""), "c0"),
    "number of another name": ([ADA], ("Bob", "", PHONE, ""), ""),
    "number of a colleague": ([ADA], ("Bob", "bob@x.example", PHONE, ""), ""),
    "number of a namesake": ([ADA], ("Ada Lovelace", "al@x.example", PHONE, ""), ""),
    "number of another identifier": ([ADA], ("Ada Lovelace", "", PHONE, "78"), ""),
    "two with the address": ([ADA, ADA], ("Ada", "ada@x.example", "", ""), "c0"),
    "two with the address, one with the number": (
        [("Ada", "ada@x.example", "", ""), ("Ada", "ada@x.example", OTHER, "")],
        ("Ada", "ada@x.example", OTHER, ""),
        "c1",
    ),
    "two with the identifier": ([("Ada", "", "", "77"), ("Bob", "", "", "77")], ("Ada", "", "", "77"), ""),
    "two with the identifier, one with the number": (
        [("Ada", "", "", "77"), ("Bob", "", OTHER, "77")],
        ("Eve", "", OTHER, "77"),
        "c1",
    ),
    "two with the number": ([("Ada", "", PHONE, ""), ("Ada", "", PHONE, "")], ("Ada", "", PHONE, ""), ""),
    "two with the number, one of the name": (
        [("Bob", "", PHONE, ""), ("Ada", "", PHONE, "")],
        ("Ada", "", PHONE, ""),
        "c1",
    ),
    "address of one, number of another": (
        [("Bob", "", PHONE, ""), ("Ada", "ada@x.example", "", "")],
        ADA,
        "c1",
    ),
    "address of too many": ([ADA] * 21, ("Ada", "ada@x.example", "", ""), ""),
    "address of as many as can be": ([ADA] * 20, ("Ada", "ada@x.example", "", ""), "c0"),
    "only the name": ([ADA], ("Ada Lovelace", "", "", ""), ""),
}


WAYS = pytest.mark.parametrize("how", [captured, planned, imported])


@WAYS
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_way_in_gives_the_same_answer(how: Any, question: str) -> None:
    """Who asks, who is converted and who stands in a table is the same contact, or nobody."""
    contacts, said, answer = QUESTIONS[question]
    assert how(an_engine(*contacts, sourced=how is captured), said) == answer


@WAYS
@pytest.mark.parametrize(
    "said", [("?", "al@x.example", PHONE, "77"), ("?", "ada@x.example", OTHER, ""), ("Ada", "", OTHER, "")]
)
def test_who_was_merged_is_who_stands_for_them(how: Any, said: Said) -> None:
    """The address and the number of the merged one lead to the one that is left, and contradict nothing."""
    engine = an_engine(ADA, ("Ada L.", "al@x.example", OTHER, ""), sourced=how is captured)
    engine.apply(engine.plan_merge(["c0", "c1"], survivor="c0"))
    assert how(engine, said) == "c0"


@WAYS
def test_twenty_four_that_became_one_are_no_noise(how: Any) -> None:
    """What counts is who is left."""
    engine = an_engine(*[ADA] * 24, sourced=how is captured)
    for first in (1, 9, 17):
        others = [f"c{number}" for number in range(first, min(first + 8, 24))]
        engine.apply(engine.plan_merge(["c0", *others], survivor="c0"))
    assert how(engine, ADA) == "c0"


def test_bob_of_the_same_switchboard_gets_no_client_of_ada() -> None:
    """Neither his lead nor what it becomes is hers."""
    engine = an_engine(ADA)
    lead = engine.capture("Bob", email="bob@x.example", phone=PHONE, source="site")
    assert lead.contact == ""
    made = engine.apply(engine.plan_conversion(lead))
    assert made.contact is not None
    assert (made.contact.name, made.contact.email) == ("Bob", "bob@x.example")


@pytest.mark.parametrize("how", [planned, imported])
def test_a_company_is_surely_known_by_its_number(how: Any) -> None:
    """A lead and a row that name the tax number of a company mean it, whatever they call it."""
    engine = an_engine(sourced=False)
    engine.create_company("Acme", id="acme", custom={"inn": "77"})
    if how is planned:
        lead = engine.capture("Ada", company_name="Another", custom={"inn": "77"})
        assert engine.plan_conversion(lead).matched["company"].id == "acme"
    else:
        table = attrs.evolve(TABLE, kind="company", fields={"name": "name", "custom.inn": "inn"})
        (plan,) = plan_table(engine, io.BytesIO(b"id,name,inn\n1,Another,77\n"), table)
        assert (plan.record, plan.matched) == ("acme", "id:inn:77")


# -- the decision alone --------------------------------------------------------------------------


def known_by(*records: Record) -> dict[str, list[Record]]:
    """Return key → the records that have it."""
    known: dict[str, list[Record]] = {}
    for record in records:
        for key in keys_of(record, POLICY):
            known.setdefault(key, []).append(record)
    return known


def test_the_key_that_decided_is_told(make: Make) -> None:
    """It is the one of the surest family; the younger ones of the same address are the others."""
    ada, twin = (make.contact(**fields(ADA)) for _ in range(2))
    assert sure_match(keys_of(make.lead(**fields(ADA)), POLICY), known_by(twin, ada), POLICY) == Sure(
        ada, "email:ada@x.example", (twin,)
    )


def test_another_identifier_of_another_kind_contradicts_nothing(make: Make) -> None:
    """A tax number and the number of a branch are compared each with its own."""
    ada = make.contact("Ada", phone=PHONE, custom={"inn": "77"})
    asked = keys_of(make.lead("Ada", phone=PHONE, custom={"kpp": "78"}), POLICY)
    sure = sure_match(asked, known_by(ada), POLICY)
    assert sure is not None
    assert (sure.record, sure.key) == (ada, f"phone:{PHONE}")


def test_another_branch_of_the_same_number_contradicts_nothing(make: Make) -> None:
    """Of two identifiers one is the same: the other does not say more than it."""
    ada = make.contact("Ada", custom={"inn": "77", "kpp": "1"})
    sure = sure_match(
        keys_of(make.lead("Bob", custom={"inn": "77", "kpp": "2"}), POLICY), known_by(ada), POLICY
    )
    assert sure is not None
    assert (sure.record, sure.key) == (ada, "id:inn:77")


def test_the_address_of_who_was_merged_contradicts_nothing(make: Make) -> None:
    """Ada has had the address before: her number chooses her, though it is not hers any more."""
    older = make.contact("Ada", email="al@x.example")
    ada = make.contact("Ada", email="ada@x.example", phone=PHONE)
    known = known_by(older, ada)
    known["email:al@x.example"].append(ada)
    sure = sure_match(keys_of(make.lead("Ada", email="al@x.example", phone=PHONE), POLICY), known, POLICY)
    assert sure is not None
    assert sure.record == ada


def test_a_noisy_address_contradicts_nobody(make: Make) -> None:
    """An address that twenty-one have says nothing: the number decides."""
    ada = make.contact(**fields(ADA))
    crowd = [make.contact("X", email="none@x.example") for _ in range(NOISE + 1)]
    asked = keys_of(make.lead("Ada", email="none@x.example", phone=PHONE), POLICY)
    sure = sure_match(asked, known_by(ada, *crowd), POLICY)
    assert sure is not None
    assert sure.record == ada


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [("Ada Lovelace", "LOVELACE, A.", True), ("Ada", "Bob", False), ("", "Bob", True), ("?", "!", True)],
)
def test_two_names_may_be_one(one: str, other: str, answer: bool) -> None:
    """They have a word in common, or one of them has none; which comes first does not matter."""
    assert may_be_one(one, other) == may_be_one(other, one) == answer


SAID = st.tuples(
    st.sampled_from(["Ada", "Bob", "Ada Bob", "?"]),
    st.sampled_from(["", "a@x.example", "b@x.example"]),
    st.sampled_from(["", PHONE, OTHER]),
    st.sampled_from(["", "77", "78"]),
)


@given(st.lists(SAID, max_size=5), SAID, st.randoms())
def test_the_order_of_what_is_known_does_not_matter(people: list[Said], said: Said, chance: Any) -> None:
    """Keys and records come in any order; the answer has one of the keys, and no other address."""
    make = Make()
    records: list[Record] = [make.contact(**fields(each)) for each in people]
    asked = [*keys_of(make.lead(**fields(said)), POLICY)]
    first = sure_match(asked, known_by(*records), POLICY)
    chance.shuffle(records)
    chance.shuffle(asked)
    assert sure_match(asked, known_by(*records), POLICY) == first
    if first is not None:
        theirs = fields(said)["email"], getattr(first.record, "email", "")
        assert first.key in set(asked) & set(keys_of(first.record, POLICY))
        assert "" in theirs or theirs[0] == theirs[1]


@given(st.lists(SAID, max_size=4), SAID)
def test_who_has_another_address_changes_nothing(people: list[Said], said: Said) -> None:
    """A colleague of the same number and tax number is left out, however many of them there are."""
    make = Make()
    name, _, phone, inn = said
    asked = keys_of(make.lead(**fields((name, "me@x.example", phone, inn))), POLICY)
    records = [make.contact(**fields(each)) for each in people]
    colleague = make.contact(**fields((name, "colleague@x.example", phone, inn)))
    assert sure_match(asked, known_by(*records, colleague), POLICY) == sure_match(
        asked, known_by(*records), POLICY
    )
