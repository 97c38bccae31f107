"""The contract of a store: the engine lives over it, and everything above it holds."""
# ruff: noqa: S101, PLR2004 (asserting numbers worked out by hand is the point)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from funnelkit.clock import FrozenClock
from funnelkit.engine import Engine
from funnelkit.errors import ConflictError, KeyReusedError
from funnelkit.money import money
from funnelkit.records import Deal
from funnelkit.stages import Pipeline, Stage
from funnelkit.storage.base import Store
from funnelkit.testing.hooks import Hooks, raises
from funnelkit.testing.reading import sequential_ids
from funnelkit.testing.samples import AT
from funnelkit.testing.together import at_once

__all__ = ["Lives"]


def _pipelines() -> tuple[Pipeline, Pipeline]:
    sales = Pipeline(
        "sales",
        [Stage("new", requires="value"), Stage("offer"), Stage("contract")],
        moves="ordered",
        close_reasons={"lost": ["price"]},
    )
    return sales, Pipeline("intake", [Stage("register")], kind="lead")


def _lived(store: Store) -> Engine:
    """Acme is won from the last stage, Bolt is lost on the second; a lead becomes Coda, which stays."""
    clock = FrozenClock(AT)
    engine = Engine(*_pipelines(), store=store, clock=clock, ids=sequential_ids())
    acme = engine.create("Acme", value=money(12_000, "EUR"), owner="ann")
    bolt = engine.create("Bolt", value=money(1_500, "EUR"), owner="bob", custom={"Город": "Тверь"})
    lead = engine.capture("Inquiry", email="coda@example.org", company_name="Coda")
    for record in (acme, bolt):
        clock.tick("1h")
        engine.advance(record.id, actor="ann")
    engine.log(acme.id, "call", "they agree", actor="ann")
    engine.edit(bolt.id, value=money(900, "EUR"))
    clock.tick("1d")
    engine.advance(acme.id)
    engine.win(acme.id, actor="ann", key="the win")
    engine.lose(bolt.id, reason="price")
    engine.convert(lead.id, deal="Coda", pipeline="sales")
    return engine


class Lives(Hooks):
    """The engine lives over it, and everything above it holds."""

    @contextmanager
    def living(self, *capabilities: str) -> Iterator[Engine]:
        """Give an engine that has lived over a store that takes commits."""
        with self.writing_and(*capabilities) as store:
            yield _lived(store)

    def test_a_short_life_is_as_it_was_lived(self) -> None:
        """Deals stand where they were moved, and ledger, feed, funnel and verify() agree with that."""
        with closing(self.make_store()) as store, closing(self.writable(store)) as writer:
            _lived(writer)
            engine = Engine(*_pipelines(), store=store)
            deals = {deal.name: deal for deal in engine.find("deal")}
            assert {name: (deal.place, deal.stage, deal.version) for name, deal in deals.items()} == {
                "Acme": ("won", "contract", 4),
                "Bolt": ("lost", "offer", 4),
                "Coda": ("new", "new", 1),
            }
            assert str(deals["Bolt"].value) == "900.00 EUR"
            assert [(move.source, move.target) for move in engine.history(deals["Acme"])] == [
                ("", "new"),
                ("new", "offer"),
                ("offer", "contract"),
                ("contract", "won"),
            ]
            assert [activity.text for activity in engine.activities(deals["Acme"])] == ["they agree"]
            assert [type(change).__name__ for change in engine.changes(record=deals["Bolt"].id)] == [
                "DealCreated",
                "DealMoved",
                "RecordEdited",
                "DealLost",
            ]
            funnel = engine.funnel("sales")
            assert [(row.stage, row.count) for row in funnel.rows] == [
                ("new", 3),
                ("offer", 2),
                ("contract", 1),
                ("won", 1),
            ]
            assert engine.verify() == ()

    def test_an_act_is_repeated_by_its_key(self) -> None:
        """The same key again gives the first answer and does nothing; for another request it is an error."""
        with self.living() as engine:
            acme = engine.find("deal")[0]
            before = len(engine.changes())
            assert engine.win(acme.id, actor="ann", key="the win") == acme
            with raises(KeyReusedError("the win")):
                engine.win(acme.id, actor="bob", key="the win")
            assert len(engine.changes()) == before

    def test_one_inquiry_from_many_threads_is_one_deal(self) -> None:
        """The same request under one key, from many threads at once, is done once and answered alike."""
        with self.living("threads") as engine:
            before = len(engine.changes())
            calls = [lambda: engine.create("Dune", pipeline="sales", key="the inquiry")] * 8
            answers = at_once(calls)
            assert {type(answer) for answer in answers} == {Deal}, answers
            assert len({answer.id for answer in answers}) == 1
            assert len(engine.changes()) == before + 1

    def test_who_decided_on_an_old_record_is_told(self) -> None:
        """An act on a record in hand that somebody changed since is a conflict and does nothing."""
        with self.living() as engine:
            coda = engine.find("deal", outcome="open")[0]
            engine.assign(coda, "bob")
            with raises(ConflictError("deal", coda.id, 1, 2)):
                engine.edit(coda, value=money(1, "EUR"))
            assert engine.find("deal", outcome="open")[0].value is None
            assert engine.verify() == ()

    def test_a_bulk_does_what_may_be_done(self) -> None:
        """A bulk writes all that the gate allows in one commit, and says what it refused."""
        with self.living() as engine:
            deals = [
                engine.create(str(number), pipeline="sales", value=money(number, "EUR") if number else None)
                for number in range(5)
            ]
            result = engine.bulk("advance", deals)
            assert [deal.stage for deal in result.done] == ["offer"] * 4
            assert [id for id, _ in result.refused] == [deals[0].id]
            assert engine.funnel("sales").rows[1].count == 6
            assert engine.verify() == ()
