"""A page of what one person sees, beside the page of all."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from measure import OURS, in_turn, told

from funnelkit import Engine, Pipeline, Stage
from funnelkit.intake.source import Source
from funnelkit.people import Group, Organisation, Person, Scope
from funnelkit.records import Deal
from funnelkit.storage.base import Commit, Write
from funnelkit.storage.sqlite import SQLiteStore

DEALS, PAGE, ROUNDS, PAGES = 200_000, 50, 21, 20
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [f"p{number:02}" for number in range(20)]
PEOPLE = Organisation(map(Person, NAMES), [Group("ten", members=NAMES[:10])])
SOURCES = (
    Source(id="web", storefront="big"),
    Source(id="mail", storefront="small"),
    Source(id="fair", storefront="rare"),
)

SCOPES: dict[str, tuple[str, Scope, list[str]]] = {
    "own, many": ("p01", Scope.own(), []),
    "own, few and late": ("p00", Scope.own(), []),
    "own and unclaimed": ("p05", Scope.own_and_unclaimed(), []),
    "own and unclaimed, few and late": ("p00", Scope.own_and_unclaimed(), []),
    "a group of ten": ("p03", Scope.group(), []),
    "a storefront": ("p03", Scope.storefront(), ["big"]),
    "a rare storefront": ("p03", Scope.storefront(), ["rare"]),
    "own and two storefronts": ("p03", Scope.own() | Scope.storefront(), ["small", "rare"]),
}


def seen(folder: Path) -> None:
    """A page of 50 of 200,000 deals, as one person sees them."""
    store = SQLiteStore(folder / "seen.db", durability="fast")
    engine = Engine(Pipeline("sales", [Stage("new")]), store=store, organisation=PEOPLE, sources=SOURCES)
    _fill(store)
    for name, (person, scope, shops) in SCOPES.items():
        eyes = engine.seen_by(person, scope, storefronts=shops)
        rounds = [
            in_turn(**{OURS: partial(_pages, eyes), "all": partial(_pages, engine)}) for _ in range(ROUNDS)
        ]
        told(f"page of {PAGE} of {DEALS:,} deals, {name}", rounds, PAGES, "at most × 1.3", "all")
    store.close()


def _pages(engine: Engine) -> None:
    for number in range(PAGES):
        engine.find("deal", after=f"D{number * 5_000:06}", limit=PAGE)


def _fill(store: SQLiteStore) -> None:
    """Write deals of twenty people: one holds a third, one some of the last hundred, a few nobody."""
    chance = random.Random(7)
    for start in range(0, DEALS, 5_000):
        writes = []
        for number in range(start, start + 5_000):
            owner = chance.choice(NAMES[1:] if number < DEALS - 100 else NAMES)
            if number % 3 == 0:
                owner = NAMES[1]
            if number % 1_000 == 0:
                owner = chance.choice(["", "gone"])
            at = START + timedelta(seconds=number)
            deal = Deal(
                id=f"D{number:06}",
                pipeline="sales",
                stage="new",
                name=f"deal {number}",
                owner=owner,
                source="fair" if number % 1_999 == 1 else "web" if number % 5 else "mail",
                created_at=at,
                entered_at=at,
                updated_at=at,
            )
            writes.append(Write(deal, 0))
        store.commit(Commit(writes=tuple(writes)))
