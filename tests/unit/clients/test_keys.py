"""What leads, contacts and companies are known by."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.clients.conftest import Make

from funnelkit import Engine, Pipeline, Stage
from funnelkit.clients import (
    FAMILIES,
    KeyPolicy,
    company_key,
    email_key,
    family_of,
    keys_of,
    name_key,
    phone_key,
)
from funnelkit.errors import DefinitionError, InputError

ANY_TEXT = st.text(max_size=30) | st.text(st.characters(), max_size=10)
INN = KeyPolicy(identifiers={"inn": "custom.inn"})


def keys(record: Any, policy: KeyPolicy | None = None, family: str = "", **more: str) -> list[str]:
    """Return the keys of one family, or all."""
    return [key for key in keys_of(record, policy or KeyPolicy(), **more) if key.startswith(family)]


def test_a_lead_is_known_by_its_person_and_its_company(make: Make) -> None:
    """A lead has the keys of whoever asked and of where they work, sorted."""
    lead = make.lead(
        "Ada Lovelace", company_name="Acme Inc.", email="ada@acme.example", phone="+44 20 7946 0000"
    )
    assert keys_of(lead) == (
        "company:acme",
        "domain:acme.example",
        "email:ada@acme.example",
        "name:ada lovelace",
        "phone:+442079460000",
        "word:acme",
        "word:ada",
        "word:lovelace",
    )


def test_a_contact_is_known_by_the_company_that_it_is_said_to_have(make: Make) -> None:
    """A contact holds an id only; the name of its company is given beside it."""
    ada = make.contact("Ada Lovelace", company="c1")
    assert keys(ada, family="company:") == []
    assert keys(ada, family="company:", company_name="Acme Ltd") == ["company:acme"]


def test_the_words_of_a_company_do_not_find_its_contacts(make: Make) -> None:
    """A contact of Acme is not called Acme."""
    assert "word:acme" not in keys_of(make.contact("Ada Lovelace"), company_name="Acme")


def test_a_company_is_known_by_its_name_without_its_form(make: Make) -> None:
    """The words of a company are those that are left without the legal form."""
    assert keys_of(make.company("ООО «Ромашка»")) == ("company:ромашка", "word:ромашка")


def test_a_public_mail_domain_is_no_key(make: Make) -> None:
    """Two people with a mailbox at Gmail have nothing in common."""
    assert keys(make.contact("Ada", email="ada@gmail.com"), family="domain:") == []


def test_public_domains_are_data(make: Make) -> None:
    """Whoever sells to a provider of mail says which domains are public."""
    policy = KeyPolicy(public_domains={"Acme.example"})  # type: ignore[arg-type]
    assert keys(make.contact("Ada", email="ada@gmail.com"), policy, "domain:") == ["domain:gmail.com"]
    assert keys(make.contact("Ada", email="ada@acme.example"), policy, "domain:") == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("7701 234-567", ["id:inn:7701234567"]),
        (7701234567, ["id:inn:7701234567"]),
        ("GB 12a", ["id:inn:gb12a"]),
        (["1 1", "22"], ["id:inn:11", "id:inn:22"]),
        ("", []),
        ("--", []),
        (None, []),
        (True, []),
        (7.5, []),
        ({"a": 1}, []),
        ("9" * 65, []),
        (2**70, []),
    ],
)
def test_an_identifier_is_its_letters_and_digits(make: Make, value: Any, found: list[str]) -> None:
    """A tax number is read from text, whole numbers and lists of them; anything else is none."""
    assert keys(make.company("", custom={"inn": value}), INN, "id:") == found


def test_an_identifier_may_stand_deep_in_custom(make: Make) -> None:
    """A dotted field goes down the levels, and a level that is not there holds nothing."""
    policy = KeyPolicy(identifiers={"vat": "custom.tax.vat"})
    assert keys_of(make.company("", custom={"tax": {"vat": "DE1"}}), policy) == ("id:vat:de1",)
    assert keys_of(make.company("", custom={"tax": "DE1"}), policy) == ()


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://www.Acme.example/about?x=1", ["domain:acme.example"]),
        ("acme.example", ["domain:acme.example"]),
        (" WWW.acme.example:8080 ", ["domain:acme.example"]),
        ("https://gmail.com", []),
        ("none", []),
        ("a b.c", []),
        ("", []),
        (7, []),
    ],
)
def test_a_web_address_gives_a_company_its_domain(make: Make, address: Any, found: list[str]) -> None:
    """The host of a company's web address is the domain of its people's mail."""
    acme = make.company("", custom={"site": address})
    assert keys(acme, KeyPolicy(website="custom.site"), "domain:") == found


@pytest.mark.parametrize(
    ("name", "words"), [("Li Wu", []), ("Shop for Ada", ["word:ada"]), ("Ян Лем", ["word:лем"])]
)
def test_short_and_common_words_find_nobody(make: Make, name: str, words: list[str]) -> None:
    """A word of a name finds similar names if it has three letters and is not everybody's."""
    assert keys(make.contact(name), family="word:") == words


def test_an_empty_record_has_no_keys(make: Make) -> None:
    """Nothing is known by nothing."""
    assert keys_of(make.lead("?!", email="none", phone="-", company_name="...")) == ()


@given(name=ANY_TEXT, company=ANY_TEXT, email=ANY_TEXT, phone=ANY_TEXT, inn=ANY_TEXT)
def test_hostile_text_never_raises(name: str, company: str, email: str, phone: str, inn: str) -> None:
    """Whatever a form sends, the keys are sorted, different, of a known family, and any store holds them."""
    lead = Make().lead(name, {"inn": inn}, company_name=company, email=email, phone=phone)
    found = keys_of(lead, INN)
    assert list(found) == sorted(set(found))
    assert all(family_of(key) and key.encode() and "\0" not in key for key in found)


@pytest.mark.usefixtures("bare")
@given(name=ANY_TEXT, email=ANY_TEXT, phone=ANY_TEXT)
def test_hostile_text_never_raises_without_the_extra(name: str, email: str, phone: str) -> None:
    """Neither does it where nothing optional is installed."""
    for key in keys_of(Make().lead(name, email=email, phone=phone)):
        assert key.encode()


@given(name=ANY_TEXT, company=ANY_TEXT, email=ANY_TEXT | st.emails(), phone=ANY_TEXT)
def test_a_record_of_normalised_values_has_the_same_keys(
    name: str, company: str, email: str, phone: str
) -> None:
    """Writing the normalised values back into a record changes none of its keys."""
    lead = Make().lead(name, company_name=company, email=email, phone=phone)
    clean = Make().lead(
        name_key(name), company_name=company_key(company), email=email_key(email), phone=phone_key(phone)
    )
    assert keys_of(clean) == keys_of(lead)


def test_a_deal_has_no_keys() -> None:
    """A deal is known by its contact and its company, which is said."""
    deal = Engine(Pipeline("sales", [Stage("new")])).create("Acme")
    with pytest.raises(InputError, match="has no keys"):
        keys_of(deal)


@pytest.mark.parametrize(
    ("argument", "value"), [("record", "Ada"), ("policy", {"region": "GB"}), ("company_name", None)]
)
def test_a_wrong_argument_is_named(make: Make, argument: str, value: Any) -> None:
    """The error says which argument it is."""
    arguments: dict[str, Any] = {"record": make.contact("Ada"), argument: value}
    with pytest.raises(InputError, match=f"^{argument}: "):
        keys_of(**arguments)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"region": "England"}, "region"),
        ({"region": ["GB"]}, "region"),
        ({"aliases": "gmail"}, "aliases"),
        ({"aliases": None}, "aliases"),
        ({"public_domains": "gmail.com"}, "public_domains"),
        ({"public_domains": [7]}, "public_domains"),
        ({"identifiers": "custom.inn"}, "identifiers"),
        ({"identifiers": {"ИНН": "custom.inn"}}, "identifiers"),
        ({"identifiers": {"inn": "inn"}}, "identifiers"),
        ({"identifiers": {"inn": "custom."}}, "identifiers"),
        ({"identifiers": {"inn": "custom.a..b"}}, "identifiers"),
        ({"website": "site"}, "website"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(fields: dict[str, Any], where: str) -> None:
    """Every part of a policy is checked where it is written."""
    with pytest.raises(DefinitionError, match=f"key policy: {where}"):
        KeyPolicy(**fields)


def test_every_problem_of_a_policy_is_listed() -> None:
    """Two mistakes are told at once."""
    with pytest.raises(DefinitionError, match="2 problems"):
        KeyPolicy(region="x", aliases="y")


def test_a_policy_is_a_value() -> None:
    """Equal policies are equal and can be kept in a set."""
    assert len({INN, KeyPolicy(identifiers={"inn": "custom.inn"}), KeyPolicy()}) == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_key_tells_its_family(family: str) -> None:
    """What stands before the first colon is the family."""
    assert family_of(f"{family}:a:b") == family


@pytest.mark.parametrize("text", ["", "email", "colour:red", ":", " email:x"])
def test_what_is_no_key_has_no_family(text: str) -> None:
    """Text that no record is known by is no key."""
    assert family_of(text) == ""


def test_large_letters_make_no_other_mailbox(make: Make) -> None:
    """Nobody's provider tells Ada@ from ada@; a policy that keeps them apart must say so."""
    ada = make.contact(email="Ada@acme.example")
    assert keys(ada, family="email:") == ["email:ada@acme.example"]
    assert keys(ada, KeyPolicy(aliases="keep"), family="email:") == ["email:Ada@acme.example"]
