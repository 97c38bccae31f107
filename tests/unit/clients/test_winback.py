"""Who was lost, picked by stage, reason and day."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.servers import Schemas
from tests.unit.clients.conftest import a_server

from funnelkit import AsyncEngine, Engine, FrozenClock, MemoryStore, Pipeline, Stage, templates
from funnelkit.clients.winback import Lost, async_lost_clients, lost_clients
from funnelkit.errors import InputError, TimeError

SALES = Pipeline(
    "sales", [Stage("new"), Stage("offer")], close_reasons={"lost": {"price": "too expensive", "late": ""}}
)
MIDNIGHT = datetime(2026, 3, 1, 23, tzinfo=UTC)
"""Already the second of March in Berlin."""


def an_engine(store: Any = None) -> Engine:
    """Return an engine with four lost deals, of one day each; one more was taken up again."""
    clock = FrozenClock(MIDNIGHT)
    engine = Engine(SALES, store=store, clock=clock, zone=ZoneInfo("Europe/Berlin"))
    ada = engine.create_contact("Ada", id="c1", email="ada@gmail.com")
    acme = engine.create_company("Acme", id="acme")
    lost = [("d1", "new", "price"), ("d2", "offer", "price"), ("d3", "offer", "late"), ("d4", "new", "late")]
    for id, stage, reason in lost:
        deal = engine.create(f"Deal {id}", id=id, stage=stage, contact=ada, company=acme)
        engine.lose(deal, reason=reason)
        clock.tick(timedelta(days=1))
    engine.reopen(engine.lose(engine.create("Back", id="d5", contact=ada), reason="price"))
    engine.win(engine.create("Won", id="d6", contact=ada))
    return engine


def picked(engine: Engine, **how: Any) -> list[str]:
    """Return the ids of what is picked."""
    return [lost.record.id for page in lost_clients(engine, **how) for lost in page]


@pytest.mark.parametrize(
    ("how", "ids"),
    [
        ({}, ["d1", "d2", "d3", "d4"]),
        ({"stage": "offer"}, ["d2", "d3"]),
        ({"reason": "price"}, ["d1", "d2"]),
        ({"stage": "offer", "reason": "price"}, ["d2"]),
        ({"since": date(2026, 3, 3)}, ["d2", "d3", "d4"]),
        ({"until": date(2026, 3, 3)}, ["d1"]),
        ({"since": date(2026, 3, 2), "until": date(2026, 3, 4)}, ["d1", "d2"]),
        ({"since": MIDNIGHT, "until": MIDNIGHT + timedelta(days=1)}, ["d1"]),
    ],
)
def test_the_lost_are_picked(how: dict[str, Any], ids: list[str]) -> None:
    """By stage, by reason, by days of the engine's zone, by instants; the end does not count."""
    assert picked(an_engine(), **how) == ids


@pytest.mark.parametrize(("page", "sizes"), [(1, [1, 1, 1, 1]), (3, [3, 1]), (4, [4])])
def test_pages_hold_everybody_once(page: int, sizes: list[int]) -> None:
    """Every page but the last is full."""
    assert [len(part) for part in lost_clients(an_engine(), page=page)] == sizes


def test_everybody_comes_with_their_client() -> None:
    """The contact and the company stand beside the deal, and can be read."""
    ((first, *_),) = lost_clients(an_engine())
    assert (first.contact and first.contact.id, first.company and first.company.id) == ("c1", "acme")
    assert str(first) == "2026-03-01 'Deal d1' on new, too expensive: 'Ada' (c1) ada@gmail.com"


def test_who_was_merged_is_called_by_who_stands_for_them() -> None:
    """A deal of a merged contact names the one that survived."""
    engine = an_engine()
    engine.create_contact("Ada L.", id="c0")
    engine.apply(engine.plan_merge(["c0", "c1"], survivor="c0"))
    assert {lost.contact.id for page in lost_clients(engine) for lost in page if lost.contact} == {"c0"}


def test_leads_are_lost_too() -> None:
    """A disqualified lead says itself how to reach whom, where no client is known."""
    engine = Engine(templates.lead_intake(), clock=FrozenClock(MIDNIGHT))
    lead = engine.capture("Ada", phone="+442079460000")
    engine.lose(lead, reason=next(iter(templates.lead_intake().close_reasons["lost"])).id)
    ((lost,),) = lost_clients(engine)
    assert (lost.contact, lost.company) == (None, None)
    assert str(lost).endswith(": nobody known +442079460000")


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"pipeline": "sale"}, r"there is no pipeline 'sale' \(did you mean 'sales'"),
        ({"stage": "ofer"}, "did you mean 'offer'"),
        ({"reason": "prise"}, "did you mean 'price'"),
        ({"page": 0}, "is no number of records"),
    ],
)
def test_what_is_not_there_is_refused_with_a_suggestion(how: dict[str, Any], problem: str) -> None:
    """A slip of the pen finds nobody by an error, not by an empty list, before the first page."""
    with pytest.raises(InputError, match=problem):
        lost_clients(an_engine(), **how)


@pytest.mark.parametrize("when", ["2026-03-02", datetime(2026, 3, 2), 7])  # noqa: DTZ001 (what is refused)
def test_a_time_that_is_none_is_refused(when: Any) -> None:
    """Days and aware instants only."""
    with pytest.raises(TimeError):
        lost_clients(an_engine(), since=when)


def test_of_several_pipelines_one_must_be_named() -> None:
    """The error names them."""
    with pytest.raises(InputError, match="name one of sales, lead_intake"):
        lost_clients(Engine(SALES, templates.lead_intake()))


def test_an_engine_that_is_awaited_picks_the_same() -> None:
    """Pages are awaited one by one."""
    store = MemoryStore()
    expected = list(lost_clients(an_engine(store), reason="price", page=1))

    async def asked() -> list[tuple[Lost, ...]]:
        engine = AsyncEngine(SALES, store=store)
        return [page async for page in async_lost_clients(engine, reason="price", page=1)]

    assert asyncio.run(asked()) == expected


def test_postgres_picks_the_same(schemas: Schemas) -> None:
    """A server is asked the same question."""
    with an_engine(a_server(schemas)) as engine:
        assert picked(engine, stage="offer", since=date(2026, 3, 3), page=1) == ["d2", "d3"]
