"""The report of duplicates over a whole store: who is in a group, why, and what was noise."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers import Schemas
from tests.unit.clients.conftest import a_server

from funnelkit import AsyncEngine, Company, Contact, Engine, MemoryStore, templates
from funnelkit.clients import FuzzyNames, KeyPolicy, MatchRule, groups, keys_of
from funnelkit.clients.duplicates import _PAGE, Duplicates
from funnelkit.errors import InputError
from funnelkit.storage.base import Commit, MatchKey, Write
from funnelkit.storage.sqlite import SQLiteStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def filled(*people: dict[str, Any], engine: Engine | None = None) -> Engine:
    """Return an engine with some contacts, called c01, c02, … unless they have another id."""
    engine = engine or Engine()
    for number, person in enumerate(people, 1):
        fields: dict[str, Any] = {"name": f"N{number}", "id": f"c{number:02d}", **person}
        engine.create_contact(**fields)
    return engine


def ids(found: Duplicates) -> list[tuple[str, ...]]:
    """Return the groups as ids."""
    return [group.ids for group in found.groups]


def test_a_group_says_who_is_in_it_how_sure_that_is_and_why() -> None:
    """Rule, key and score of every reason stand in the report, the surest first."""
    engine = filled(
        {"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+44 20 7946 0000"},
        {"name": "Grace Hopper"},
        {"name": "A. L.", "email": "ada@EXAMPLE.org", "phone": "+442079460000"},
    )
    assert str(engine.duplicates()) == (
        "2 contacts may be 1:\n"
        "  1.00 'Ada Lovelace' (c01), 'A. L.' (c03): same e-mail: ada@example.org (1.00); "
        "same phone: +442079460000 (0.95)"
    )


def test_nothing_to_tell_is_told() -> None:
    """A store without duplicates says so."""
    assert str(filled({"email": "a@x.example"}, {"email": "b@gmail.com"}).duplicates()) == (
        "no two contacts may be one"
    )


def test_whoever_is_linked_through_others_is_in_one_group() -> None:
    """One shares the e-mail of the second, the second the phone of the third: three in one group."""
    engine = filled(
        {"email": "ada@gmail.com"},
        {"email": "ada@gmail.com", "phone": "+442079460000"},
        {"phone": "+442079460000"},
    )
    assert ids(engine.duplicates()) == [("c01", "c02", "c03")]


def test_a_group_is_as_sure_as_its_weakest_needed_reason() -> None:
    """An e-mail (1.00) and a phone (0.95) hold three together: 0.95, though two share both."""
    engine = filled(
        {"email": "ada@gmail.com", "phone": "+442079460001"},
        {"email": "ada@gmail.com", "phone": "+442079460000"},
        {"phone": "+442079460000"},
    )
    assert [group.score for group in engine.duplicates()] == [0.95]


def test_the_surest_groups_come_first() -> None:
    """Groups are ordered by score, then by their first id."""
    engine = filled(
        {"phone": "+442079460000"},
        {"email": "b@gmail.com"},
        {"email": "a@gmail.com"},
        {"phone": "+442079460000"},
        {"email": "b@gmail.com"},
        {"email": "a@gmail.com"},
    )
    assert ids(engine.duplicates()) == [("c02", "c05"), ("c03", "c06"), ("c01", "c04")]


def test_a_rule_of_two_families_wants_both() -> None:
    """The same name at the same company is a duplicate; the name alone is none."""
    engine = Engine()
    acme = engine.create_company("Acme Ltd", id="acme")
    engine.create_company("Umbrella", id="umbrella")
    filled(
        {"name": "Ada Lovelace", "company": acme},
        {"name": "Lovelace, Ada", "company": "acme"},
        {"name": "Ada Lovelace", "company": "umbrella"},
        {"name": "Ada Lovelace"},
        engine=engine,
    )
    found = engine.duplicates()
    assert ids(found) == [("c01", "c02")]
    assert str(found.groups[0].reasons[0]) == "same name and company: ada lovelace, acme (0.80)"


def test_colleagues_are_no_duplicates() -> None:
    """A mail domain alone makes no group, unless a rule is given that says so."""
    engine = filled({"email": "ada@acme.example"}, {"email": "bob@acme.example"})
    assert not engine.duplicates().groups
    domain = MatchRule("same mail domain", ("domain",), score=0.3)
    assert ids(engine.duplicates(rules=[domain])) == [("c01", "c02")]


def test_similar_names_are_found_where_a_rule_asks_for_them() -> None:
    """Lovelace and Lovelase differ by one letter of twelve, taken out and put in: 1 − 2/24 = 0.92."""
    pytest.importorskip("rapidfuzz")
    engine = filled({"name": "Ada Lovelace"}, {"name": "Ada Lovelase"}, {"name": "Ada Hopper"})
    found = engine.duplicates(rules=[FuzzyNames(0.9)])
    assert ids(found) == [("c01", "c02")]
    assert str(found.groups[0].reasons[0]) == "similar name: ada lovelace ~ ada lovelase (0.55)"


def test_a_key_of_more_than_twenty_is_named_and_left_out() -> None:
    """Twenty people with one phone are a group; with one more the phone is noise."""
    shared = {"phone": "+442079460000"}
    assert [len(group) for group in filled(*[shared] * 20).duplicates()] == [20]
    found = filled(*[shared] * 21, {"email": "a@gmail.com"}, {"email": "a@gmail.com"}).duplicates()
    assert ids(found) == [("c22", "c23")]
    assert [noise.key for noise in found.noise] == ["phone:+442079460000"]


@pytest.mark.parametrize(("staff", "pairs", "noise"), [(20, 10, []), (22, 0, ["company:acme"])])
def test_noise_counts_in_no_rule_of_two_families(staff: int, pairs: int, noise: list[str]) -> None:
    """The second key of a pair may be noise as well: then the pair says nothing."""
    engine = Engine()
    engine.create_company("Acme", id="acme")
    names = [{"name": f"N{number // 2}", "company": "acme"} for number in range(staff)]
    found = filled(*names, engine=engine).duplicates()
    assert len(found) == pairs
    assert [each.key for each in found.noise] == noise


def test_who_was_merged_is_left_out_and_makes_no_noise() -> None:
    """Of 22 with one phone 20 were merged into the first: the two that stand are the duplicates."""
    store = MemoryStore()
    engine = filled(*[{"phone": "+442079460000"}] * 22, engine=Engine(store=store))
    for number in range(2, 22):
        record = engine.get(f"c{number:02d}")
        gone = attrs.evolve(record, replaced_by="c01", version=2)
        store.commit(Commit(writes=(Write(gone, 1),)))
    found = engine.duplicates()
    assert ids(found) == [("c01", "c22")]
    assert not found.noise


@pytest.mark.parametrize("kind", ["lead", "company"])
def test_leads_and_companies_have_duplicates_too(kind: str) -> None:
    """Each kind is looked at by itself."""
    engine = Engine(templates.lead_intake())
    for number in (1, 2):
        engine.capture("Ada", id=f"l{number}", email="ada@acme.example")
        engine.create_company(f"Acme {'Ltd' if number == 1 else 'Inc.'}", id=f"c{number}")
    assert ids(engine.duplicates(kind)) == [(f"{kind[0]}1", f"{kind[0]}2")]


def test_closed_leads_are_history() -> None:
    """Who asked a year ago, and asks again, is there twice and is no duplicate; thirty make no noise."""
    intake = templates.lead_intake()
    engine = Engine(intake)
    for number in range(30):
        lead = engine.capture("Ada", id=f"old{number}", email="ada@gmail.com")
        engine.lose(lead, reason=intake.close_reasons["lost"][0].id)
    engine.capture("Ada", id="l1", email="ada@gmail.com")
    assert not engine.duplicates("lead").groups
    engine.capture("Ada", id="l2", email="ada@gmail.com")
    found = engine.duplicates("lead")
    assert (ids(found), found.noise) == ([("l1", "l2")], ())


@pytest.mark.parametrize("kind", ["deal", "contacts", None, 7])
def test_a_kind_that_has_no_duplicates_is_refused(kind: Any) -> None:
    """The error names the kinds."""
    with pytest.raises(InputError, match="has no duplicates to look for"):
        Engine().duplicates(kind)


def test_a_rule_that_is_none_is_refused() -> None:
    """Rules are data of two types."""
    with pytest.raises(InputError, match=r"rules\[0\]: 'email' is no rule"):
        Engine().duplicates(rules=["email"])  # type: ignore[list-item]


def test_rules_of_other_kinds_are_passed_over() -> None:
    """A rule for companies says nothing about contacts."""
    rule = MatchRule("same e-mail", ("email",), kinds="company")
    assert not filled({"email": "a@gmail.com"}, {"email": "a@gmail.com"}).duplicates(rules=[rule]).groups


def test_a_group_is_ready_to_be_iterated_for_a_merge() -> None:
    """A group yields the ids of its records; the report yields its groups."""
    (group,) = filled({"email": "a@gmail.com"}, {"email": "a@gmail.com"}).duplicates()
    assert list(group) == ["c01", "c02"]
    assert group.names == ("N1", "N2")


def test_progress_goes_from_nothing_to_all() -> None:
    """Two keys that are shared: the bar stands at 0 first, at 2 in the end."""
    seen: list[tuple[int, int]] = []
    engine = filled(*[{"email": "a@gmail.com", "phone": "+442079460000"}] * 2)
    engine.duplicates(progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 2)
    assert seen[-1] == (2, 2)


def test_more_keys_than_a_page_are_all_looked_at(tmp_path: Path) -> None:
    """With two pages and a bit of keys, every pair is found, on a file as in memory."""
    pairs = 2 * _PAGE + 3
    people = [
        Contact(id=f"c{n:05d}", name="", email=f"p{n // 2}@gmail.com", created_at=NOON, updated_at=NOON)
        for n in range(2 * pairs)
    ]
    keys = [MatchKey(key=key, kind="contact", record=each.id) for each in people for key in keys_of(each)]
    commit = Commit(writes=tuple(Write(each, 0) for each in people), keys=tuple(keys))
    with SQLiteStore(tmp_path / "crm.db") as store:
        store.commit(commit)
        found = Engine(store=store).duplicates()
    assert ids(found) == [(f"c{n:05d}", f"c{n + 1:05d}") for n in range(0, 2 * pairs, 2)]


async def _awaited(store: MemoryStore) -> Duplicates:
    async with AsyncEngine(store=store) as engine:
        return await engine.duplicates()


def test_an_engine_that_is_awaited_finds_the_same() -> None:
    """The search is written once."""
    import asyncio

    store = MemoryStore()
    expected = filled(
        {"email": "a@gmail.com"}, {"email": "a@gmail.com"}, engine=Engine(store=store)
    ).duplicates()
    assert asyncio.run(_awaited(store)) == expected


def test_postgres_finds_the_same(schemas: Schemas) -> None:
    """A server groups the keys as a file does."""
    people = (
        *[{"phone": "+442079460000"}] * 21,
        {"name": "Ada Ё", "email": "Ada@gmail.com"},
        {"name": "Ё Ada", "email": "ada@gmail.com"},
    )
    with Engine(store=a_server(schemas)) as engine:
        assert str(filled(*people, engine=engine).duplicates()) == str(filled(*people).duplicates())


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["Ada Lovelace", "Lovelace, Ada", "Bob Stone", "Ивáн"]),
            "email": st.sampled_from(
                ["", "a@acme.example", "A@acme.example", "b@acme.example", "a@gmail.com"]
            ),
            "phone": st.sampled_from(["", "+442079460000", "+44 20 7946 0000", "+442079460001"]),
            "company": st.sampled_from(["", "", "acme", "other"]),
        }
    ),
    max_size=12,
)
RULES = (
    MatchRule("same e-mail", ("email",)),
    MatchRule("same phone", ("phone",), score=0.9),
    MatchRule("name and company", ("name", "company"), score=0.8),
    MatchRule("name, domain and phone", ("name", "domain", "phone"), score=0.7),
)


@given(people=PEOPLE, rules=st.lists(st.sampled_from(RULES), unique=True))
def test_groups_are_those_of_all_pairs_compared(people: list[dict[str, Any]], rules: list[MatchRule]) -> None:
    """What pages through keys finds what comparing every two records finds."""
    engine = Engine()
    names = {"acme": "Acme Ltd", "other": "Other"}
    for id, name in names.items():
        engine.create_company(name, id=id)
    filled(*people, engine=engine)
    known = {
        record.id: set(keys_of(record, KeyPolicy(), company_name=names.get(record.company, "")))
        for record in engine.find("contact", limit=50)
        if isinstance(record, Contact)
    }

    def alike(one: str, other: str) -> bool:
        families = {key.partition(":")[0] for key in known[one] & known[other]}
        return any(families.issuperset(rule.keys) for rule in rules)

    pairs = [pair for pair in combinations(sorted(known), 2) if alike(*pair)]
    assert tuple(sorted(ids(engine.duplicates(rules=rules)))) == groups(pairs)
    assert engine.duplicates(rules=rules) == engine.duplicates(rules=rules)


def test_a_company_is_in_no_group_of_contacts() -> None:
    """A company and a contact of one name share words, and are of two kinds."""
    engine = filled({"name": "Acme"})
    engine.create_company("Acme", id="acme")
    assert not engine.duplicates("company").groups
    assert isinstance(engine.get("acme"), Company)
