"""Who may be the same, why, and who is left out; and groups of duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.clients.conftest import NINE, Make

from funnelkit import Company, Contact, Lead
from funnelkit.clients import DEFAULT_RULES, FuzzyNames, KeyPolicy, MatchRule, candidates, groups, keys_of
from funnelkit.errors import InputError, MissingExtraError

Client = Lead | Contact | Company


def known(*records: Client, policy: KeyPolicy | None = None) -> dict[str, list[Client]]:
    """Return records by key, as a store would."""
    by_key: dict[str, list[Client]] = {}
    for record in records:
        for key in keys_of(record, policy or KeyPolicy()):
            by_key.setdefault(key, []).append(record)
    return by_key


def test_the_same_e_mail_is_the_surest_match(make: Make) -> None:
    """A match says the rule, the key and how sure it is."""
    ada = make.contact("Ada Lovelace", email="ada@gmail.com")
    found = candidates(make.lead("A. L.", email="ada@GMAIL.com"), known(ada))
    assert found.best is not None
    assert found.best.record is ada
    assert found.best.score == 1.0
    assert [str(reason) for reason in found.best.reasons] == ["same e-mail: ada@gmail.com (1.00)"]


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ({"phone": "+44 20 7946 0000"}, {"phone": "+442079460000"}, 0.95),
        ({"name": "Ada B", "company_name": "Acme Ltd"}, {"name": "B, Ada", "company_name": "ACME"}, 0.8),
        ({"name": "Ada B", "email": "a@acme.example"}, {"name": "Ada B", "email": "b@acme.example"}, 0.7),
        ({"name": "Ada B", "email": "a@acme.example"}, {"name": "Bob C", "email": "b@acme.example"}, 0.3),
    ],
)
def test_the_default_rules_weigh_what_two_leads_share(
    make: Make, one: dict[str, Any], other: dict[str, Any], score: float
) -> None:
    """Each default rule gives its own score."""
    best = candidates(make.lead(**one), known(make.lead(**other))).best
    assert best is not None
    assert best.score == score


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": "Ada B"}, {"name": "Ada B"}),
        ({"email": "a@gmail.com"}, {"email": "b@gmail.com"}),
        ({"name": "Ada B", "company_name": "Acme"}, {"name": "Bob C", "company_name": "Acme"}),
    ],
)
def test_what_many_share_is_no_match(make: Make, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Neither a name alone, nor a public mail domain, nor two people of one company are one person."""
    assert not candidates(make.lead(**one), known(make.lead(**other)))


def test_the_same_tax_number_is_the_same_company(make: Make) -> None:
    """An identifier of the policy is as sure as an e-mail."""
    policy = KeyPolicy(identifiers={"inn": "custom.inn"})
    acme = make.company("Acme", {"inn": "7701 234567"})
    best = candidates(
        make.company("Akme", {"inn": 7701234567}), known(acme, policy=policy), policy=policy
    ).best
    assert best is not None
    assert str(best.reasons[0]) == "same identifier: inn 7701234567 (1.00)"


def test_a_rule_may_ask_for_one_identifier(make: Make) -> None:
    """``id:inn`` is that number alone, and no other whose name begins alike."""
    policy = KeyPolicy(identifiers={"inn": "custom.inn", "inn2": "custom.inn2"})
    rules = [MatchRule("same inn", ("id:inn",))]
    one = make.company("A", {"inn": "1", "inn2": "2"})
    other = known(make.company("B", {"inn": "3", "inn2": "2"}), policy=policy)
    assert not candidates(one, other, rules, policy)
    assert candidates(one, other, [MatchRule("any", ("id",))], policy)


def test_a_lead_finds_the_company_of_its_name(make: Make) -> None:
    """The company that an inquiry names is found, its people are not."""
    acme, bob = make.company("ООО «Ёлка»"), make.lead("Bob", company_name="Елка")
    found = candidates(make.lead("Ada", company_name="ЕЛКА, ООО"), known(acme, bob))
    assert [candidate.record for candidate in found] == [acme]


def test_a_rule_finds_only_its_kinds(make: Make) -> None:
    """A rule for contacts passes over leads."""
    ada, lead = make.contact("Ada", email="a@x.example"), make.lead("Ada", email="a@x.example")
    rules = [MatchRule("same e-mail", ("email",), kinds="contact")]
    found = candidates(make.lead("Ada", email="a@x.example"), known(lead, ada), rules)
    assert [candidate.record for candidate in found] == [ada]


def test_a_record_is_not_its_own_candidate(make: Make) -> None:
    """A stored record never finds itself, in whatever version."""
    ada = make.contact("Ada", email="ada@x.example")
    assert not candidates(ada, known(attrs.evolve(ada, version=7)))


def test_an_id_of_another_kind_is_somebody_else(make: Make) -> None:
    """A lead and a contact may have one id."""
    ada = make.contact("Ada", email="ada@x.example")
    assert len(candidates(make.lead("Ada", id=ada.id, email="ada@x.example"), known(ada))) == 1


def test_a_record_that_was_merged_away_is_no_candidate(make: Make) -> None:
    """What another record stands for is passed over."""
    ada = make.contact("Ada", email="ada@x.example", replaced_by="r9")
    assert not candidates(make.lead("Ada", email="ada@x.example"), known(ada))


def test_the_surest_then_the_oldest_then_the_least_id_comes_first(make: Make) -> None:
    """Candidates stand by score, then by age, then by id."""
    lead = make.lead("Ada", email="ada@x.example", phone="+442079460000")
    phone = make.contact("P", id="a", phone="+442079460000")
    younger = make.contact("Y", id="b", email="ada@x.example")
    last = make.contact("L", id="z", email="ada@x.example", created_at=NINE)
    first = make.contact("F", id="y", email="ada@x.example", created_at=NINE)
    found = candidates(lead, known(phone, younger, last, first))
    assert [candidate.record.id for candidate in found] == ["y", "z", "b", "a"]


def test_all_reasons_are_given_the_surest_first(make: Make) -> None:
    """The score is that of the surest rule, and every other rule that matched is told too."""
    ada = make.contact("Ada", email="ada@gmail.com", phone="+442079460000")
    best = candidates(make.lead("Ada", email="ada@gmail.com", phone="+442079460000"), known(ada)).best
    assert best is not None
    assert [(reason.rule, reason.score) for reason in best.reasons] == [
        ("same e-mail", 1.0),
        ("same phone", 0.95),
    ]


@pytest.mark.parametrize(("count", "matches", "noise"), [(20, 20, 0), (21, 0, 1)])
def test_a_key_that_finds_too_many_is_noise(make: Make, count: int, matches: int, noise: int) -> None:
    """Twenty records of one key are candidates; with one more the key is named and not used."""
    same = [make.contact("", phone="+442079460000") for _ in range(count)]
    found = candidates(make.lead("", phone="+442079460000"), known(*same))
    assert (len(found), len(found.noise)) == (matches, noise)


def test_noise_is_named(make: Make) -> None:
    """The result says which key was not used and why."""
    same = [make.contact("", phone="+442079460000") for _ in range(3)]
    found = candidates(make.lead("", phone="+442079460000"), known(*same), noise=2)
    assert str(found.noise[0]) == "phone:+442079460000 finds more than 2 contacts and was not used for them"
    assert str(found.noise[0]) in str(found)


def test_a_noisy_key_does_not_silence_the_others(make: Make) -> None:
    """Whoever shares a key that means something is found by that one."""
    crowd = [make.contact("", phone="+442079460000") for _ in range(21)]
    ada = make.contact("Ada", phone="+442079460000", email="ada@gmail.com")
    found = candidates(make.lead("", phone="+442079460000", email="ada@gmail.com"), known(*crowd, ada))
    assert [(one.record, len(one.reasons)) for one in found] == [(ada, 1)]


def test_neither_itself_nor_a_repeat_makes_noise(make: Make) -> None:
    """A record counts once, and the inquiry not at all."""
    ada, lead = make.contact("", phone="+442079460000"), make.lead("", phone="+442079460000")
    assert len(candidates(lead, {"phone:+442079460000": [ada, lead, ada]}, noise=1)) == 1


def test_a_contact_is_matched_with_the_name_of_its_company(make: Make) -> None:
    """The name that the contact itself does not hold is given beside it."""
    lead = make.lead("Ada B", company_name="Acme")
    assert candidates(make.contact("Ada B"), known(lead), company_name="Acme GmbH")


def test_keys_that_the_inquiry_does_not_have_are_not_used(make: Make) -> None:
    """A mapping that holds more than was asked for harms nobody."""
    assert not candidates(make.lead("Ada"), known(make.contact("Bob", email="bob@x.example")))


# -- similar names ----------------------------------------------------------------------------------


def test_a_similar_name_is_found_by_a_word_of_it(make: Make) -> None:
    """Ada Lovelase is Ada Lovelace: 22 letters of 24 are the same, of a score of 0.6."""
    pytest.importorskip("rapidfuzz", reason="the extra 'clients' is not installed")
    best = candidates(make.lead("Lovelase Ada"), known(make.contact("Ada Lovelace")), [FuzzyNames(0.9)]).best
    assert best is not None
    assert best.score == pytest.approx(0.6 * 22 / 24)
    assert str(best.reasons[0]) == "similar name: ada lovelase ~ ada lovelace (0.55)"


def test_a_similar_company_is_found(make: Make) -> None:
    """Companies are compared with companies, without their legal forms."""
    pytest.importorskip("rapidfuzz", reason="the extra 'clients' is not installed")
    lead = make.lead("Ada", company_name="Северная Звезда ООО")
    star, ada = make.company("АО «Северная Звёзда-2»"), make.contact("Ada Северная")
    found = candidates(lead, known(star, ada), [FuzzyNames(0.8, "company")])
    assert [candidate.record for candidate in found] == [star]


def test_names_without_a_common_word_are_not_compared(make: Make) -> None:
    """A name is not looked at for its likeness when another key has found the record."""
    pytest.importorskip("rapidfuzz", reason="the extra 'clients' is not installed")
    ada = make.contact("Adaa", phone="+442079460000")
    assert not candidates(make.lead("Ada", phone="+442079460000"), known(ada), [FuzzyNames(0.8)])


@pytest.mark.usefixtures("bare")
def test_without_the_package_similar_names_are_refused_at_once(make: Make) -> None:
    """The lack is told even when there is nobody to compare with."""
    with pytest.raises(MissingExtraError, match="similar names"):
        candidates(make.lead("Ada"), {}, [FuzzyNames()])


# -- laws -------------------------------------------------------------------------------------------

PEOPLE = st.builds(
    dict,
    name=st.sampled_from(["", "Ada B", "B Ada", "Ада\0", "\ud800"]),
    email=st.sampled_from(["", "a@x.example", "A@X.example", "b@x.example", "a@gmail.com"]),
    phone=st.sampled_from(["", "+442079460000", "+44 20 7946 0000", "12345", "\ud800"]),
    company_name=st.sampled_from(["", "Acme", "ACME Ltd"]),
)


@given(one=PEOPLE, other=PEOPLE)
def test_matching_is_the_same_both_ways(one: dict[str, Any], other: dict[str, Any]) -> None:
    """If one lead finds another, the other finds it, for the same reasons."""
    make = Make()
    first, second = make.lead(**one), make.lead(**other)
    there, back = candidates(first, known(second)).best, candidates(second, known(first)).best
    assert (there and there.reasons) == (back and back.reasons)


@given(people=st.lists(PEOPLE, max_size=6), data=st.data())
def test_the_order_in_which_a_store_answers_does_not_matter(
    people: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Records in any order, and rules in any order, give the same candidates."""
    make = Make()
    lead = make.lead("Ada B", email="a@x.example", phone="+442079460000", company_name="Acme")
    records = [
        make.lead(**person, created_at=NINE + timedelta(hours=len(person["name"]))) for person in people
    ]
    shuffled = known(*data.draw(st.permutations(records)))
    rules = data.draw(st.permutations(DEFAULT_RULES))
    assert candidates(lead, shuffled, rules, noise=3) == candidates(lead, known(*records), noise=3)


@given(person=PEOPLE)
def test_every_result_can_be_printed(person: dict[str, Any]) -> None:
    """Whatever the names hold, the text of the result can be written as UTF-8."""
    make = Make()
    assert str(candidates(make.lead(**person), known(make.contact("\ud800", email="a@x.example")))).encode()


@pytest.mark.parametrize(
    ("argument", "value", "named"),
    [
        ("inquiry", "Ada", "record"),
        ("found", [], "found"),
        ("found", {"name:ada": "r1"}, r"found\['name:ada'\]"),
        ("found", {"name:ada": ["r1"]}, r"found\['name:ada'\]"),
        ("rules", "email", "rules"),
        ("rules", ["email"], r"rules\[0\]"),
        ("policy", "GB", "policy"),
        ("noise", 0, "noise"),
        ("noise", True, "noise"),
        ("noise", 2.5, "noise"),
        ("company_name", 7, "company_name"),
    ],
)
def test_a_wrong_argument_is_named(make: Make, argument: str, value: Any, named: str) -> None:
    """The error says which argument it is."""
    arguments: dict[str, Any] = {"inquiry": make.contact("Ada"), "found": {}, argument: value}
    with pytest.raises(InputError, match=f"^{named}: "):
        candidates(**arguments)


# -- groups -----------------------------------------------------------------------------------------

PAIRS = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("abcdefghij")), max_size=15)


def reached(pairs: Sequence[tuple[str, str]], start: str) -> set[str]:
    """Return whoever can be reached from one id, step by step."""
    near: Mapping[str, set[str]] = {id: set() for pair in pairs for id in pair}
    for one, other in pairs:
        near[one].add(other)
        near[other].add(one)
    seen, rim = {start}, [start]
    while rim:
        fresh = near[rim.pop()] - seen
        seen |= fresh
        rim += fresh
    return seen


@given(pairs=PAIRS)
def test_a_group_is_whoever_can_be_reached(pairs: list[tuple[str, str]]) -> None:
    """Two ids are in one group exactly if a chain of pairs joins them."""
    expected = {tuple(sorted(reached(pairs, id))) for pair in pairs for id in pair}
    assert groups(pairs) == tuple(sorted(group for group in expected if len(group) > 1))


@given(data=st.data(), pairs=PAIRS)
def test_the_order_of_pairs_does_not_matter(data: st.DataObject, pairs: list[tuple[str, str]]) -> None:
    """Any order of the pairs gives the same groups in the same order."""
    assert groups(data.draw(st.permutations(pairs))) == groups(pairs)


def test_a_long_chain_is_one_group() -> None:
    """A hundred thousand records in a row are grouped without recursion."""
    chain = [(f"{n:06}", f"{n + 1:06}") for n in reversed(range(100_000))]
    assert [len(group) for group in groups(chain)] == [100_001]


@pytest.mark.parametrize("pair", ["ab", ("a",), ("a", "b", "c"), ("a", 1), None, 7])
def test_what_is_no_pair_of_ids_is_refused(pair: Any) -> None:
    """Two texts make a pair."""
    with pytest.raises(InputError, match=r"pairs: .* is no pair of ids"):
        groups([pair])
