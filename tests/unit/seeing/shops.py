"""A shop where some see this and some see that, and a store that keeps what it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from funnelkit import Contact, Engine, MemoryStore, Pipeline, Stage, Store, money
from funnelkit.intake.source import Source
from funnelkit.people import Group, Organisation, Person
from funnelkit.stages.templates import lead_intake

__all__ = ["HIDDEN", "PEOPLE", "PIPELINES", "SOURCES", "Everywhere", "filled"]

HIDDEN = "-hidden"
"""How every id, name and text of what ann must not see ends."""

PEOPLE = Organisation(
    [Person("ann"), Person("bob"), Person("eva"), Person("kim")],
    [
        Group("north", members=["ann", "bob"], head="eva", within="all"),
        Group("all", head="kim"),
    ],
)
PIPELINES = (Pipeline("sales", [Stage("new"), Stage("call"), Stage("offer")]), lead_intake())
SOURCES = (
    Source(id="web", channel="site", storefront="berlin"),
    Source(id="mail", channel="mail", storefront="paris"),
)


def filled(store: Store | None = None) -> Engine:
    """Return an engine with the same life twice: once for ann, once for bob."""
    engine = Engine(*PIPELINES, store=store or MemoryStore(), organisation=PEOPLE, sources=SOURCES)
    for owner, end in (("ann", ""), ("bob", HIDDEN)):
        by: dict[str, Any] = {"actor": owner}
        engine.create_company(f"Acme{end}", id=f"Y{end}", owner=owner)
        contact = engine.create_contact(
            f"Ada{end}", id=f"C{end}", owner=owner, email=f"ada{end}@example.org", company=f"Y{end}"
        )
        lead = engine.capture(f"Inquiry{end}", id=f"L{end}", owner=owner, source="web", email=contact.email)
        deal = engine.create(
            f"Order{end}", id=f"D{end}", owner=owner, source="web", value=money(10, "EUR"), contact=contact.id
        )
        engine.log(deal, "call", f"said{end}", **by)
        deal = engine.edit(engine.move(deal, "offer", **by), custom={"size": end}, **by)
        engine.win(deal, **by)
        engine.lose(lead, reason="off_target", note=f"why{end}", **by)
    assert isinstance(engine.get("C"), Contact)
    return engine


class Everywhere:
    """A store that answers from memory and keeps every text it is asked."""

    sorted_stays = False  # as of a part of a store, which keeps no index of its own

    def __init__(self) -> None:
        self.store = filled().store
        self.texts: set[str] = set()

    def query(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Answer, and remember."""
        self.texts.add(sql)
        return self.store.query(sql, params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)
