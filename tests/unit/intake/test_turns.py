"""Inquiries of one person that arrive at the very same moment, under keys of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Schemas
from tests.unit.intake.test_same_inquiry import ADA, PHONE, an_engine

from funnelkit import MemoryStore
from funnelkit.errors import KeyReusedError
from funnelkit.storage import open_store
from funnelkit.storage.base import Commit


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give a store of each sort."""
    if request.param == "memory":
        made: Any = MemoryStore()
    elif request.param == "sqlite":
        made = open_store(f"sqlite:///{tmp_path / 'crm.db'}")
    else:
        schemas: Schemas = request.getfixturevalue("schemas")
        made = open_store(f"{schemas.url}?schema={schemas.new()}")
    yield made
    made.close()


class Meanwhile:
    """A store in which something is done just before the first commit."""

    def __init__(self, store: Any, act: Callable[[], Any]) -> None:
        self.store, self.acts = store, [act]

    def commit(self, commit: Commit) -> None:
        """Do it, then write."""
        while self.acts:
            self.acts.pop()()
        self.store.commit(commit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a lead of an address": ("capture", "Ada", {"source": "site", **ADA}),
    "a lead of a number": ("capture", "Ada", {"source": "site", **PHONE}),
    "a deal of somebody new": ("create", "Seats", {"source": "shop", "person": "Ada", **ADA}),
    "a deal of a client": ("create", "Seats", {"source": "shop", "contact": "c1"}),
}


@pytest.mark.parametrize("key", [True, False], ids=["under keys", "without keys"])
@pytest.mark.parametrize("asked", ASKED)
def test_who_asks_twice_at_one_moment_has_one_card(store: Any, asked: str, key: bool) -> None:
    """The second has looked before the first was written, and is on its card all the same."""
    verb, name, told = ASKED[asked]
    first = an_engine(store)
    if "contact" in told:
        first.create_contact("Ada", id="c1")
    cards: list[str] = []

    def ask(engine: Any, number: int) -> None:
        own = {"key": f"k{number}"} if key else {}
        cards.append(getattr(engine, verb)(name, **told, **own).id)

    second: Any = Meanwhile(store, lambda: ask(first, 1))
    ask(an_engine(second), 2)
    kind = "lead" if verb == "capture" else "deal"
    assert cards == [card.id for card in first.find(kind)] * 2
    assert [entry.kind for entry in first.activities(cards[0])].count("inquiry") == 2
    assert len(first.find("contact")) == (kind == "deal")
    assert first.verify() == ()


def test_two_deals_of_one_stranger_at_one_moment_have_one_client(store: Any) -> None:
    """They are two deals, and the person is made once."""
    engine = an_engine(store)
    second: Any = Meanwhile(store, lambda: engine.create("Roof", source="shop", person="Ada", **ADA))
    deal = an_engine(second).create("Barn", source="shop", person="Ada", **ADA)
    assert len(engine.find("deal")) == 2
    assert [contact.id for contact in engine.find("contact")] == [deal.contact]


def test_many_threads_are_one_card(store: Any) -> None:
    """Eight threads, each under a key of its own, and one person: one card with eight inquiries."""
    engine = an_engine(store)

    def ask(number: int) -> str:
        return engine.capture("Ada", source="site", key=f"k{number}", **ADA).id

    with ThreadPoolExecutor(8) as pool:
        cards = set(pool.map(ask, range(8)))
    assert [lead.id for lead in engine.find("lead")] == [*cards]
    assert len(engine.activities(cards.pop())) == 8


def test_a_key_of_the_caller_that_came_again_is_still_refused(store: Any) -> None:
    """Only turns are taken anew: another request under a key that was used raises at once."""
    engine = an_engine(store)
    engine.capture("Ada", source="site", key="k", **ADA)
    with pytest.raises(KeyReusedError, match="'k'"):
        engine.capture("Bob", source="site", key="k", email="bob@x.example")


def test_no_address_stands_in_a_turn(store: Any) -> None:
    """What is kept beside the keys of acts does not say who asked."""
    an_engine(store).capture("Ada", source="site", **ADA)
    kept = store.query("SELECT act_key, answer FROM idempotency", {})
    assert len(kept) == 1
    assert "ada" not in str(kept).lower()
