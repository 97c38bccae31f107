"""Whatever a report asks of what somebody sees is answered as by a store without what is hidden."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

import pytest
from tests.agreement.test_seen import PEOPLE, PIPELINES, SOURCES, only
from tests.analytics.everything import ask_everything
from tests.analytics.histories import hour

from funnelkit import Engine, FrozenClock, MemoryStore, Store, money
from funnelkit.analytics import Analytics
from funnelkit.people import Scope

ENDS: tuple[list[str], ...] = (["win"], ["lose"], ["void"], [], ["lose", "reopen"])


class Kept:
    """A store that keeps what it is asked, with its answer."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.said: list[tuple[str, dict[str, Any], list[tuple[Any, ...]]]] = []

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Answer, and remember."""
        rows = self.store.query(sql, params)
        self.said.append((sql, dict(params), rows))
        return rows


def shared_shop() -> Engine:
    """Return a shop where ann and bob sell to the same clients, and each other's leads become deals."""
    clock = FrozenClock(hour(0))
    told: dict[str, Any] = {"organisation": PEOPLE, "sources": SOURCES, "clock": clock}
    engine = Engine(*PIPELINES, store=MemoryStore(), **told)
    clients = [engine.create_contact(f"client {owner}", owner=owner).id for owner in ("ann", "bob", "")]
    for number in range(24):
        owner, other = (("ann", "bob"), ("bob", "ann"), ("", "gone"))[number % 3]
        client, source = clients[number // 3 % 3], ("web", "mail")[number % 2]
        clock.tick(timedelta(minutes=40))
        lead = engine.capture(f"lead {number}", owner=other, source=source, contact=client)
        made = engine.convert(lead, pipeline="sales", owner=owner, value=money(10 + number, "EUR"))
        deal = made.deal
        assert deal is not None
        deal = engine.edit(deal, custom={"size": number % 3}, probability=number / 24)
        for _ in range(number % 4 % 3):
            deal = engine.advance(deal)
        engine.log(deal, "call", actor=other)
        clock.tick(timedelta(minutes=40))
        for verb in ENDS[number % 5]:
            deal = getattr(engine, verb)(deal)
    return engine


def test_every_question_of_every_report_is_answered_as_if_the_hidden_were_not_there() -> None:
    """Each of the texts brings the rows of a store that holds what is seen, and nothing else."""
    shop = shared_shop()
    scope = Scope.own() | (Scope.unclaimed() & Scope.storefront())
    seen = shop.seen_by("ann", scope, storefronts=["berlin"])
    part = Kept(only(shop.store, seen.visible, MemoryStore()))
    eyes = Kept(seen.store)
    ask_everything(eyes)
    ask_everything(part)
    assert eyes.said == part.said
    assert sum(bool(rows) for _, _, rows in eyes.said) > len(eyes.said) / 4


def test_no_report_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever `Analytics` measures is among what is asked."""
    asked: set[str] = set()

    def noticed(name: str, measure: Any) -> Any:
        @wraps(measure)
        def notice(*words: Any, **more: Any) -> Any:
            asked.add(name)
            return measure(*words, **more)

        return notice

    measures = {name: each for name, each in inspect.getmembers(Analytics, callable) if name[0] != "_"}
    for name, measure in measures.items():
        monkeypatch.setattr(Analytics, name, noticed(name, measure))
    ask_everything(MemoryStore())
    assert measures.keys() - asked == set()
