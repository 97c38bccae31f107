"""How a conversion reads, and what is no name for a deal."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Engine, Pipeline, Stage, templates
from funnelkit.errors import InputError


@pytest.fixture
def shop() -> Engine:
    """Return an engine with a pipeline for leads and one for deals."""
    return Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]))


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ({}, "lead 'Ann' became contact 'Ann', company 'Acme' and deal 'Ann, Acme'"),
        ({"company": False}, "lead 'Ann' became contact 'Ann' and deal 'Ann, Acme'"),
        ({"company": False, "deal": False}, "lead 'Ann' became contact 'Ann'"),
    ],
)
def test_a_conversion_reads_as_a_sentence(shop: Engine, targets: dict[str, Any], sentence: str) -> None:
    """It says what the lead became."""
    assert str(shop.convert(shop.capture("Ann", company_name="Acme"), **targets)) == sentence


@pytest.mark.parametrize("kind", ["deal", "contact", "company"])
@pytest.mark.parametrize("verb", ["convert", "plan_conversion"])
def test_the_id_of_another_kind_is_refused(shop: Engine, verb: str, kind: str) -> None:
    """The id of a lead is neither a client nor the name of a deal."""
    lead, other = shop.capture("Ann"), shop.capture("Bob")
    with pytest.raises(InputError, match=f"{kind}: '{other.id}' looks like the id of a lead"):
        getattr(shop, verb)(lead, **{kind: other.id})


def test_a_name_that_begins_like_an_id_is_a_name(shop: Engine) -> None:
    """Only what has the length of an id is taken for one."""
    made = shop.convert(shop.capture("Ann"), deal="lead_time report")
    assert made.deal is not None
    assert made.deal.name == "lead_time report"
