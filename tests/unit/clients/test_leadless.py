"""Working without leads: what is open is converted in bulk, and nothing is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from funnelkit import AsyncEngine, Engine, FrozenClock, Lead, Pipeline, Refusal, SQLiteStore, Stage, rule
from funnelkit.clients import KeyPolicy, schemes
from funnelkit.clients.leadless import async_convert_open_leads, convert_open_leads
from funnelkit.clients.schemes import FieldMap, Scheme
from funnelkit.errors import InputError
from funnelkit.testing import readable

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OPEN = ("in", "web")


@rule(on="convert", name="budget")
def budget(lead: Lead) -> Refusal | None:
    """Refuse a lead without a budget."""
    return None if lead.custom.get("budget") else Refusal("budget", "no budget")


PIPELINES = (
    Pipeline("sales", [Stage("new")]),
    Pipeline("in", [Stage("r")], kind="lead"),
    Pipeline("web", [Stage("r")], kind="lead", rules=budget),
)


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Return an engine with two pipelines for leads, one of which wants a budget."""
    store = SQLiteStore(tmp_path / "crm.db", durability="fast") if request.param == "sqlite" else None
    with Engine(*PIPELINES, store=store, clock=FrozenClock(NOON)) as engine:
        yield engine


def test_every_open_lead_becomes_a_deal(shop: Engine) -> None:
    """All of them, of all pipelines; closed ones are left as they are."""
    leads = [shop.capture(name, pipeline="in") for name in ("Ann", "Bob", "Cid")]
    shop.lose(leads.pop())
    report = convert_open_leads(shop, reason="no leads any more", actor="kim")
    assert set(report.done) == {lead.id for lead in leads}
    assert (shop.find("lead", outcome="open"), len(shop.find("deal"))) == ([], 2)
    assert shop.verify() == ()


def test_what_is_refused_is_listed_and_open(shop: Engine) -> None:
    """Each with its reason; the rest is done, and nothing is dropped."""
    poor = shop.capture("Ann", pipeline="web")
    rich = shop.capture("Bob", pipeline="web", custom={"budget": 5})
    report = convert_open_leads(shop)
    assert (list(report.done), report.refused) == (
        [rich.id],
        {poor.id: "convert refused: no budget (budget)"},
    )
    assert (shop.find("lead", outcome="open"), bool(report)) == ([poor], False)
    assert str(report) == f"1 converted, 1 refused\n  {poor.id}: convert refused: no budget (budget)"


def test_a_value_that_does_not_fit_is_a_refusal(shop: Engine) -> None:
    """A custom number where text is wanted stops one lead, not the bulk."""
    own = Scheme(id="own", fields=FieldMap({"contact": {"phone": ("custom.tel",)}}))
    odd = shop.capture("Ann", pipeline="in", custom={"tel": 79000000000})
    shop.capture("Bob", pipeline="in", custom={"tel": "+7 900"})
    report = convert_open_leads(shop, scheme=own)
    assert (report.refused, len(report.done)) == ({odd.id: "phone: 79000000000 is not text"}, 1)


def test_it_goes_on_where_it_stopped(shop: Engine) -> None:
    """A run that breaks off half-way is run again; every lead has one deal in the end."""
    for number in range(5):
        shop.capture(f"Lead {number}", pipeline="in")

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert_open_leads(shop, batch=2, progress=stop)
    assert len(shop.find("lead", outcome="won")) == 2
    assert len(convert_open_leads(shop, batch=2).done) == 3
    assert sorted(deal.name for deal in shop.find("deal")) == [f"Lead {number}" for number in range(5)]


def test_a_second_run_does_nothing(shop: Engine) -> None:
    """Nothing is open, nothing is written."""
    shop.capture("Ann", pipeline="in")
    convert_open_leads(shop)
    before = readable(shop.store)
    assert convert_open_leads(shop) == type(convert_open_leads(shop))()
    assert readable(shop.store) == before


def test_two_leads_of_one_person_make_one_contact(shop: Engine) -> None:
    """The contact that the first makes is found by the second."""
    for name in ("Ann", "Ann again"):
        shop.capture(name, pipeline="in", email="ann@example.org")
    convert_open_leads(shop)
    assert (len(shop.find("contact")), len(shop.find("deal"))) == (1, 2)


def test_whoever_could_be_meant_is_reported(shop: Engine) -> None:
    """Two contacts have the address: the older is taken, and the report says where to look."""
    for name in ("Ann", "Anna"):
        shop.create_contact(name, id=name, email="ann@example.org")
    lead = shop.capture("A.", pipeline="in", email="ann@example.org")
    report = convert_open_leads(shop)
    assert report.asked == {lead.id: {"contact": {"Ann": "Ann", "Anna": "Anna"}}}
    assert len(shop.find("contact")) == 2
    assert str(report).splitlines()[-1] == f"  {lead.id}: which contact? 'Ann' (Ann) or 'Anna' (Anna)"


def companies(shop: Engine, *names: str) -> int:
    """Return how many companies there are after leads that name these were converted."""
    before = len(shop.find("lead"))
    for number, name in enumerate(names, start=before):
        shop.capture(f"P{number}", pipeline="in", company_name=name)
    assert convert_open_leads(shop).asked == {}
    return len(shop.find("company"))


def test_leads_of_one_company_make_one_company(shop: Engine) -> None:
    """Five that name it: it is made by the first, and the deals of all are its deals."""
    assert companies(shop, "Acme Ltd", "ACME", "Acme, Ltd.", "Acme Ltd", "Acme Ltd") == 1
    assert len({deal.company for deal in shop.find("deal")}) == 1


def test_leads_of_two_companies_make_two(shop: Engine) -> None:
    """Names that are only alike are two companies."""
    assert companies(shop, "Northwind", "Umbrella") == 2


def test_the_only_company_of_the_name_is_taken(shop: Engine) -> None:
    """One that was there before, too."""
    shop.create_company("Acme")
    assert companies(shop, "Acme Ltd", "Acme Ltd") == 1


def test_a_second_run_makes_no_second_company(shop: Engine) -> None:
    """What the first run has made is the only one known."""
    companies(shop, "Acme")
    assert companies(shop, "Acme") == 1


def test_of_two_known_companies_of_the_name_none_is_taken(shop: Engine) -> None:
    """The first lead makes a third, the report names the two; the second lead takes the third."""
    for id in ("a1", "a2"):
        shop.create_company("Acme", id=id)
    first = shop.capture("Ann", pipeline="in", company_name="Acme")
    shop.capture("Bob", pipeline="in", company_name="Acme")
    report = convert_open_leads(shop)
    assert report.asked == {first.id: {"company": {"a1": "Acme", "a2": "Acme"}}}
    assert str(report).splitlines()[-1] == f"  {first.id}: which company? 'Acme' (a1) or 'Acme' (a2)"
    assert len(shop.find("company")) == 3


def test_another_tax_number_is_another_company() -> None:
    """Two leads of one company name and different numbers make two."""
    engine = Engine(*PIPELINES, keys=KeyPolicy(identifiers={"vat": "custom.vat"}))
    own = Scheme(id="own", fields=FieldMap({"company": {"custom.vat": ("custom.vat",)}}))
    for number in ("DE1", "DE2", "DE1"):
        engine.capture("Ann", pipeline="in", company_name="Acme", custom={"vat": number})
    convert_open_leads(engine, scheme=own)
    assert sorted(company.custom["vat"] for company in engine.find("company")) == ["DE1", "DE2"]


def test_a_scheme_that_looks_for_nobody_makes_each(shop: Engine) -> None:
    """Where companies are always new, there is one for each lead."""
    for name in ("Ann", "Bob"):
        shop.capture(name, pipeline="in", company_name="Acme")
    convert_open_leads(shop, scheme=Scheme(id="new", company="new"))
    assert len(shop.find("company")) == 2


def test_one_pipeline_alone(shop: Engine) -> None:
    """The leads of others stay."""
    shop.capture("Ann", pipeline="in")
    stays = shop.capture("Bob", pipeline="web", custom={"budget": 5})
    convert_open_leads(shop, leads="in")
    assert shop.find("lead", outcome="open") == [stays]


def test_the_scheme_is_used(shop: Engine) -> None:
    """Deals alone."""
    shop.capture("Ann", pipeline="in", email="ann@example.org")
    convert_open_leads(shop, scheme=schemes.QUICK_SALE)
    assert (len(shop.find("deal")), shop.find("contact")) == (1, [])


def test_each_can_be_undone(shop: Engine) -> None:
    """The report holds the ids of the conversions."""
    lead = shop.capture("Ann", pipeline="in")
    back = shop.undo(convert_open_leads(shop).done[lead.id])
    assert isinstance(back, Lead)
    assert back.is_open


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_progress_counts_every_lead(shop: Engine, batch: int) -> None:
    """Once for each, refused ones too, of those open at the start; the pages do not matter."""
    for number in range(5):
        shop.capture(f"{number}", pipeline=OPEN[number % 2])
    seen: list[tuple[int, int]] = []
    convert_open_leads(shop, batch=batch, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 5) for done in range(1, 6)]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"leads": "sales"}, InputError),
        ({"leads": "nowhere"}, InputError),
        ({"pipeline": "nowhere"}, InputError),
        ({"batch": 0}, InputError),
        ({"batch": True}, InputError),
        ({"key": "k"}, InputError),
        ({"scheme": "usual"}, InputError),
        ({"progress": 5}, InputError),
        ({"expect": 1}, InputError),
        ({"valeu": 1}, TypeError),
        ({"override": "yes"}, InputError),
    ],
)
def test_a_wrong_argument_stops_before_anything(
    shop: Engine, given: dict[str, Any], error: type[Exception]
) -> None:
    """It is told at once, not for each lead."""
    shop.capture("Ann", pipeline="in")
    before = readable(shop.store)
    with pytest.raises(error):
        convert_open_leads(shop, **given)
    assert readable(shop.store) == before


def test_without_a_pipeline_for_deals_it_stops_at_once() -> None:
    """Where deals would go is asked before the first lead."""
    engine = Engine(PIPELINES[1])
    engine.capture("Ann")
    with pytest.raises(InputError, match="no pipeline for deals"):
        convert_open_leads(engine)


def test_it_can_be_awaited() -> None:
    """The same of an engine in an event loop."""

    async def converted() -> int:
        engine = AsyncEngine(*PIPELINES)
        await engine.capture("Ann", pipeline="in")
        return len((await async_convert_open_leads(engine)).done)

    assert asyncio.run(converted()) == 1
