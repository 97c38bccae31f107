"""What belongs to somebody who was merged is found under either id."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from funnelkit import AsyncEngine, Company, Engine, Pipeline, Stage, templates
from funnelkit.errors import InputError

PIPELINES = (Pipeline("sales", [Stage("new")]), templates.lead_intake())


@pytest.fixture
def shop() -> Engine:
    """Return an engine with two companies that were made one, a deal, a lead and a contact of the second."""
    engine = Engine(*PIPELINES)
    for id in ("t1", "t2"):
        engine.create_company(id, id=id)
    engine.create("Acme", id="d", company="t2")
    engine.capture("Ann", id="l", company="t2")
    engine.create_contact("Ann", id="c", company="t2")
    engine.apply(engine.plan_merge(["t1", "t2"], survivor="t1"))
    return engine


@pytest.mark.parametrize("id", ["t1", "t2"])
@pytest.mark.parametrize(("kind", "found"), [("deal", "d"), ("lead", "l"), ("contact", "c")])
def test_what_belongs_to_the_merged_is_found_under_either_id(
    shop: Engine, kind: Any, found: str, id: str
) -> None:
    """Deals, leads and contacts of a company that was merged: by the id of before and by that of now."""
    assert [record.id for record in shop.find(kind, company=id)] == [found]


def test_a_merge_of_the_merged_is_followed_to_its_end(shop: Engine) -> None:
    """Who was merged into one that was merged itself leads to the last."""
    shop.create_company("T0", id="t0")
    shop.apply(shop.plan_merge(["t0", "t1"], survivor="t0"))
    assert [deal.id for deal in shop.find("deal", company="t2")] == ["d"]


def test_of_merged_deals_the_lead_is_found_under_either_id() -> None:
    """A lead that became a deal is found by the deal that was merged, and by the one that stands for it."""
    engine = Engine(*PIPELINES)
    made = engine.convert(engine.capture("Ann")).deal
    other = engine.create("Other")
    assert made is not None
    engine.apply(engine.plan_merge([other, made], survivor=other))
    assert engine.find("lead", deal=made.id) == engine.find("lead", deal=other.id) != []


def test_a_record_stands_for_its_id(shop: Engine) -> None:
    """The company itself will do, as it was read before the merge, too."""
    before = shop.store.get("company", "t2")
    assert isinstance(before, Company)
    assert [deal.id for deal in shop.find("deal", company=before, outcome="open")] == ["d"]


def test_a_record_of_another_kind_is_refused(shop: Engine) -> None:
    """A deal is no company."""
    with pytest.raises(InputError, match=r"is no company \(give a company, or its id\)"):
        shop.find("deal", company=shop.get("d"))


def test_an_unknown_id_finds_nothing(shop: Engine) -> None:
    """Neither does the empty one find who has a company."""
    assert shop.find("deal", company="nobody") == shop.find("deal", company="") == []


def test_what_was_undone_is_not_followed(shop: Engine) -> None:
    """A company whose conversion was undone is replaced by a lead, and nothing of it is another's."""
    made = shop.convert(shop.capture("Bob", company_name="Umbrella"))
    assert made.company is not None
    shop.undo(made)
    deals = [deal.id for deal in shop.find("deal", company=made.company.id)]
    assert made.deal is not None
    assert deals == [made.deal.id]


def test_it_is_found_by_an_engine_that_is_awaited(shop: Engine) -> None:
    """The same, awaited."""
    engine = AsyncEngine(*PIPELINES, store=shop.store)
    assert [deal.id for deal in asyncio.run(engine.find("deal", company="t2"))] == ["d"]
