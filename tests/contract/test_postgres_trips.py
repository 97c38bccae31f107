"""How often a PostgreSQL store goes to the server and back: exact numbers, for that is what acts cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from tests.servers import Schemas

from funnelkit import Engine, Pipeline, Stage
from funnelkit.storage.base import Answer, Attribute, Commit, Write
from funnelkit.testing.samples import AT, a_change, a_contact, a_deal, a_move, an_activity, new

PIPELINE = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("deal")])


@pytest.fixture
def store(schemas: Schemas) -> Iterator[Any]:
    """Give a store that counts in ``trips``; a COPY is two: its request, then its rows."""
    from funnelkit.storage.immediate import run
    from funnelkit.storage.postgres.blocking import Blocking
    from funnelkit.storage.postgres.core import Core
    from funnelkit.storage.postgres.lines import BlockingLine
    from funnelkit.storage.postgres.sessions import BlockingSession
    from funnelkit.storage.postgres.settings import settings_of
    from funnelkit.storage.postgres.texts import Statement

    class Counting(BlockingSession):
        async def rows(self, statement: Statement) -> Any:
            made.trips += 1
            return await super().rows(statement)

        async def together(self, statements: Sequence[Statement]) -> Any:
            made.trips += 1
            return await super().together(statements)

        async def copy(self, sql: str, data: bytes) -> None:
            made.trips += 2
            await super().copy(sql, data)

        async def end(self) -> None:
            made.trips += 1
            await super().end()

    class Line(BlockingLine):
        async def take(self, *, writing: bool) -> Any:
            session = await super().take(writing=writing)
            return Counting(session.connection, taught=True)

    class Store(Blocking):
        trips = 0

        def of(self, act: Any) -> int:
            """Return the round trips of one act."""
            self.trips = 0
            act()
            return self.trips

    settings = settings_of(schemas.url, schemas.new(), "fast", 30.0, 1)
    made = Store(Core(run(Line.open(settings)), settings.name, settings.timeout))
    with closing(made):
        yield made


def test_every_read_is_one(store: Any) -> None:
    """Each question is one round trip, however many ids it names."""
    store.commit(new(*(a_deal(f"d{number}") for number in range(2_000))))
    ids = [f"d{number}" for number in range(2_000)]
    for read in (
        lambda: store.get("deal", "d1"),
        lambda: store.get_many("deal", ids),
        lambda: store.find("deal", {"stage": "new"}),
        lambda: store.moves("d1"),
        lambda: store.answer("k"),
        store.definitions,
        store.changes,
    ):
        assert store.of(read) == 1


def test_a_query_is_two(store: Any) -> None:
    """The second one takes back what the SELECT may have set for the rest of the session."""
    assert store.of(lambda: store.query("SELECT COUNT(*) FROM deal", {})) == 2


def test_a_single_act_is_one(store: Any) -> None:
    """A move, keyed or not, a creation with fields, a conversion's commit: one round trip."""
    assert store.of(lambda: store.commit(new(a_deal()))) == 1
    second = Commit(
        writes=(Write(a_deal(version=2), 1),), moves=(a_move(seq=2),), changes=(a_change(version=2),)
    )
    assert store.of(lambda: store.commit(second)) == 1
    keyed = Commit(
        writes=(Write(a_deal(version=3), 2), Write(a_deal("d2"), 0), Write(a_contact(), 0)),
        moves=(a_move(seq=3), a_move("d2")),
        activities=(an_activity(),),
        attributes=tuple(Attribute(record="d2", field=f"custom.{x}", value="1", since=AT) for x in "abc"),
        changes=(a_change(version=3), a_change("d2")),
        answers=(Answer(key="k", request="r", records=(a_deal(version=3),)),),
        definitions={"0f": ("sales", "{}")},
    )
    assert store.of(lambda: store.commit(keyed)) == 1


def test_a_refusal_is_two(store: Any) -> None:
    """A conflict costs one round trip more: looking what is there."""
    store.commit(new(a_deal()))

    def conflict() -> None:
        with pytest.raises(Exception, match="expected at version 4"):
            store.commit(Commit(writes=(Write(a_deal(version=5), 4),)))

    assert store.of(conflict) == 2


def test_ten_thousand_are_seven(store: Any) -> None:
    """A bulk of any size: take the records, change them, two COPYs for moves and changes, commit."""
    ids = [f"d{number}" for number in range(10_000)]
    store.commit(new(*map(a_deal, ids)))
    bulk = Commit(
        writes=tuple(Write(a_deal(id, version=2), 1) for id in ids),
        moves=tuple(map(a_move, ids)),
        changes=tuple(a_change(id, 2) for id in ids),
    )
    assert store.of(lambda: store.commit(bulk)) == 1 + 1 + 2 + 2 + 1


def test_a_small_bulk_is_two(store: Any) -> None:
    """Up to some hundred records: take them, then everything at once."""
    ids = [f"d{number}" for number in range(100)]
    store.commit(new(*map(a_deal, ids)))
    bulk = Commit(writes=tuple(Write(a_deal(id, version=2), 1) for id in ids), moves=tuple(map(a_move, ids)))
    assert store.of(lambda: store.commit(bulk)) == 2


def test_the_feed_is_one_when_nothing_is_new(store: Any) -> None:
    """A reader who polls costs one round trip; three when there is something to number."""
    store.commit(Commit(changes=(a_change(),)))
    assert store.of(store.changes) == 3
    assert store.of(store.changes) == 1


def test_verbs_of_an_engine(store: Any) -> None:
    """A move reads the record and writes it; a key is looked up first, and is all when it is known."""
    engine = Engine(PIPELINE, store=store)
    deal = engine.create("Acme")
    trips = [
        store.of(lambda: engine.move(deal, "offer")),
        store.of(lambda: engine.move(deal.id, "new")),
        store.of(lambda: engine.move(deal.id, "offer", key="k")),
        store.of(lambda: engine.move(deal.id, "offer", key="k")),
    ]
    assert trips == [2, 2, 3, 1]
