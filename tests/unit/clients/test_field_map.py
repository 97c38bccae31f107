"""What goes where is data, with alternatives, checked when it is declared."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.unit.clients.conftest import Make

from funnelkit import money
from funnelkit.clients.fields import FieldMap
from funnelkit.errors import DefinitionError


def test_the_first_that_is_not_blank_counts(make: Make) -> None:
    """Alternatives are tried in their order; white space is blank, zero is not."""
    fields = FieldMap({"contact": {"email": ("email", "custom.mail2", "custom.mail3")}})
    lead = make.lead("Ann", email=" ", custom={"mail2": "", "mail3": "a@b.example"})
    assert fields.offers("contact", lead)["email"] == ("custom.mail3", "a@b.example")
    zero = FieldMap({"contact": {"custom.n": ("custom.a", "custom.b")}})
    assert zero.offers("contact", make.lead("Ann", custom={"a": 0, "b": 1}))["custom.n"] == ("custom.a", 0)


def test_the_default_is_the_field_of_the_same_name(make: Make) -> None:
    """A contact takes name, e-mail, phone, owner, source; a deal takes all that it has, and custom fields."""
    lead = make.lead(
        "Ann",
        email="a@b.example",
        phone="1",
        owner="sam",
        source="fair",
        campaign="spring",
        company_name="Acme",
        value=money(5, "EUR"),
        probability=0.5,
        expected_close=date(2026, 5, 1),
        custom={"size": 40},
    )
    told = {
        kind: {field: value for field, (_, value) in FieldMap().offers(kind, lead).items()}
        for kind in ("contact", "company", "deal")
    }
    owned = {"owner": "sam", "source": "fair"}
    assert told == {
        "contact": {"name": "Ann", "email": "a@b.example", "phone": "1", **owned},
        "company": {"name": "Acme", **owned},
        "deal": {
            **owned,
            "campaign": "spring",
            "value": money(5, "EUR"),
            "probability": 0.5,
            "expected_close": date(2026, 5, 1),
            "custom.size": 40,
        },
    }


def test_a_company_without_a_name_is_called_after_the_person(make: Make) -> None:
    """``company_name``, else ``name``."""
    assert FieldMap().offers("company", make.lead("Ann"))["name"] == ("name", "Ann")


def test_a_field_without_sources_is_left_empty(make: Make) -> None:
    """``()`` takes the default away; other fields keep theirs."""
    offers = FieldMap({"contact": {"owner": ()}}).offers(
        "contact", make.lead("Ann", owner="sam", email="a@b.c")
    )
    assert offers == {"name": ("name", "Ann"), "email": ("email", "a@b.c")}


def test_a_named_custom_field_comes_before_all_of_them(make: Make) -> None:
    """``custom.size`` of the deal from another field, the rest by their names."""
    fields = FieldMap({"deal": {"custom.size": ("custom.seats",)}})
    offers = fields.offers("deal", make.lead("Ann", custom={"size": 1, "seats": 2}))
    assert offers["custom.size"] == ("custom.seats", 2)
    assert offers["custom.seats"] == ("custom.seats", 2)


def test_a_nested_custom_field_is_reached(make: Make) -> None:
    """``custom.a.b`` reads into a mapping; what is not there is blank."""
    fields = FieldMap({"contact": {"phone": ("custom.home.phone", "phone")}})
    deep = make.lead("Ann", phone="1", custom={"home": {"phone": "2"}})
    assert fields.offers("contact", deep)["phone"] == ("custom.home.phone", "2")
    flat = make.lead("Ann", phone="1", custom={"home": "x"})
    assert fields.offers("contact", flat)["phone"] == ("phone", "1")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (5, "5 is no mapping"),
        ({"deel": {}}, "deel: is nothing that a lead becomes (did you mean 'deal'?)"),
        ({"deal": 5}, "deal: 5 is no mapping"),
        (
            {"contact": {"emial": ("email",)}},
            "contact.emial: is no field of a contact (did you mean 'email'?)",
        ),
        ({"contact": {"stage": ("name",)}}, "contact.stage: is no field of a contact"),
        ({"company": {"email": ("email",)}}, "company.email: is no field of a company"),
        ({"contact": {"custom.a.b": ("name",)}}, "contact.custom.a.b: is no field of a contact"),
        ({"contact": {"custom.": ("name",)}}, "contact.custom.: is no field of a contact"),
        (
            {"contact": {"email": ("emial",)}},
            "contact.email: a lead has no field 'emial' (did you mean 'email'?)",
        ),
        ({"contact": {"email": ("stage",)}}, "contact.email: a lead has no field 'stage'"),
        ({"contact": {"email": (5,)}}, "contact.email: a lead has no field 5"),
        ({"contact": {"email": "email"}}, "contact.email: 'email' is no list of fields"),
        ({"contact": {"name": ()}}, "contact.name: a contact needs a name"),
        ({"contact": {"email": ("value",)}}, "contact.email: cannot hold value, which is money"),
        ({"deal": {"value": ("name",)}}, "deal.value: cannot hold name, which is text"),
        ({"deal": {"value": ("custom.sum",)}}, "deal.value: cannot hold custom.sum"),
        ({"deal": {"custom.day": ("expected_close",)}}, "deal.custom.day: cannot hold expected_close"),
        ({"deal": {"custom": ("custom.a",)}}, "deal.custom: cannot hold custom.a"),
        ({"contact": {"email": ("custom",)}}, "contact.email: cannot hold custom"),
    ],
)
def test_a_map_that_cannot_work_is_refused(given: Any, problem: str) -> None:
    """An unknown kind, field or source, or a value that the field cannot hold; with what was meant."""
    with pytest.raises(DefinitionError) as caught:
        FieldMap(given)
    assert str(caught.value).startswith(f"field map: {problem}")


def test_all_mistakes_are_told_at_once() -> None:
    """One error for the whole map."""
    with pytest.raises(DefinitionError) as caught:
        FieldMap({"contact": {"emial": ("email",), "phone": ("fone", "value")}, "deel": {}})
    assert [problem.path for problem in caught.value.problems] == [
        "contact.emial",
        "contact.phone",
        "contact.phone",
        "deel",
    ]


def test_maps_are_values() -> None:
    """Equal maps are equal and have one hash; lists are as good as tuples."""
    one, other = FieldMap({"deal": {"custom": []}}), FieldMap({"deal": {"custom": ()}})  # type: ignore[dict-item]
    assert (one, hash(one)) == (other, hash(other))
