"""What somebody sees is what they would see of a store that holds their records and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.servers import Schemas

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage, Store, money
from funnelkit.errors import FunnelkitError
from funnelkit.intake.source import Source
from funnelkit.people import Group, Organisation, Person, Scope, Target, Visible
from funnelkit.stages.templates import lead_intake
from funnelkit.storage.base import KINDS, Attribute, Commit, MatchKey, Write
from funnelkit.storage.postgres import PostgresStore
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import sequential_ids

START = datetime(2026, 3, 30, 9, tzinfo=UTC)
SALES = Pipeline("sales", [Stage("new"), Stage("call"), Stage("offer")])
CARE = Pipeline("care", [Stage("ticket"), Stage("visit")])
PIPELINES = (SALES, CARE, lead_intake())
PEOPLE = Organisation(
    [Person(id) for id in ("ann", "bob", "eva", "kim")],
    [Group("north", members=["ann", "bob"], head="eva", within="all"), Group("all", head="kim")],
)
SOURCES = tuple(
    Source(id=id, storefront=shop, same_within=timedelta(seconds=1))
    for id, shop in (("web", "berlin"), ("mail", "paris"), ("fair", ""))
)
SCOPES = (
    Scope.own(),
    Scope.unclaimed(),
    Scope.own_and_unclaimed(),
    Scope.headed(),
    Scope.group(),
    Scope.storefront(),
    (Scope.own() | Scope.unclaimed()) & Scope.storefront(),
    Scope.own() | Scope.storefront(),
    Scope.everything(),
)
OWNERS = ("", "ann", "bob", "eva", "kim", "gone", "o'hara")
TARGET = Target("plan", "sales", START.date(), START.date() + timedelta(40), amount=10)

owners = st.sampled_from(OWNERS)
births = st.fixed_dictionaries(
    {
        "verb": st.sampled_from(["create", "create", "capture", "create_contact", "create_company"]),
        "owner": owners,
        "source": st.sampled_from(["", "web", "mail", "fair"]),
        "size": st.integers(0, 2),
        "client": st.integers(0, 5),
    }
)
deeds = st.fixed_dictionaries(
    {
        "verb": st.sampled_from(
            [
                "advance",
                "move",
                "win",
                "lose",
                "void",
                "reopen",
                "transfer",
                "assign",
                "edit",
                "log",
                "convert",
            ]
        ),
        "record": st.integers(0, 30),
        "owner": owners,
        "hours": st.integers(0, 200),
    }
)
lives = st.lists(births | deeds, min_size=5, max_size=20)


def lived(engine: Engine, clock: FrozenClock, life: list[dict[str, Any]]) -> Engine:
    """Live a life; what is refused is left out."""
    ids: list[str] = []
    for number, act in enumerate(life):
        clock.tick(timedelta(hours=act.get("hours", 0) + 1))
        try:
            if "record" not in act:
                ids.append(_born(engine, act, number, ids))
            elif ids:
                _done(engine, ids[act["record"] % len(ids)], act)
        except FunnelkitError:
            continue
    return engine


def _born(engine: Engine, act: dict[str, Any], number: int, ids: list[str]) -> str:
    told: dict[str, Any] = {"owner": act["owner"], "source": act["source"], "custom": {"size": act["size"]}}
    verb = act["verb"]
    if verb == "create":
        told["pipeline"] = "sales"
        contacts = [id for id in ids if id.startswith("contact")]
        told |= (
            {"value": money(act["size"], "EUR"), "contact": contacts[act["client"] % len(contacts)]}
            if contacts
            else {}
        )
    elif verb != "create_company":
        told["email"] = f"{act['client']}@example.org"
    return str(getattr(engine, verb)(f"name {number}", **told).id)


def _done(engine: Engine, id: str, act: dict[str, Any]) -> None:
    more: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "move": (("offer",), {}),
        "transfer": (("care",), {}),
        "assign": ((act["owner"],), {"reason": "so"}),
        "edit": ((), {"custom": {"size": 7}}),
        "log": (("call", f"with {act['owner']}"), {}),
        "lose": ((), {"reason": "erroneous" if id.startswith("lead") else "price"}),
        "void": ((), {"reason": "duplicate"}),
        "convert": ((), {"pipeline": "sales"}),
    }
    words, told = more.get(act["verb"], ((), {}))
    getattr(engine, act["verb"])(id, *words, **told)


def only(whole: Store, visible: Visible, target: Store) -> Store:
    """Copy what is visible, each record with its whole ledger, and nothing else."""
    target.commit(Commit(definitions=whole.definitions()))
    changes = {change.position: change for change in whole.changes(limit=100_000)}
    seen = {
        record.id: record
        for kind in KINDS
        for record in whole.find(kind, {}, limit=10_000)
        if visible.sees(record)
    }
    order = "SELECT record_id, position FROM attribute ORDER BY position"
    told: dict[str, Iterator[Attribute]] = {id: iter(whole.attributes(id)) for id in seen}
    target.commit(
        Commit(
            writes=tuple(Write(record, 0) for record in seen.values()),
            activities=tuple(each for id in seen for each in whole.activities(id)),
            attributes=tuple(next(told[id]) for id, _ in whole.query(order, {}) if id in seen),
            changes=tuple(each for each in changes.values() if each.record in seen),
            keys=tuple(
                MatchKey(key=row[0], kind=row[1], record=row[2])
                for row in whole.query(KEYS, {})
                if row[2] in seen
            ),
            moves=tuple(move for id in seen for move in whole.moves(id)),
        )
    )
    return target


KEYS = "SELECT match_key, kind, record_id FROM match_key ORDER BY match_key, kind, record_id"


def said(engine: Engine, ids: list[str], asked: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every answer of an engine: reads of each id, seen or not, lists, reports, the ids behind them."""
    for id in ids:
        for name in ("get", "history", "activities", "client", "candidates"):
            yield f"{name} {id}", answer(getattr(engine, name), id)
        yield f"attributes {id}", engine.store.attributes(id)
        yield f"changes {id}", engine.changes(id)
        yield f"next {id}", answer(engine.next, id)
    for kind in KINDS:
        yield f"find {kind}", engine.find(kind)
        yield f"a page of {kind}", engine.find(kind, after=ids[len(ids) // 2] if ids else "", limit=2)
        yield f"of bob's {kind}", engine.find(kind, owner="bob")
    yield "feed", engine.changes()
    yield "keys", engine.store.query(KEYS, {})
    for kind in ("lead", "contact"):
        yield f"duplicates {kind}", answer(engine.duplicates, kind)
    yield "achieved", answer(engine.achieved, TARGET)
    yield from reported(engine, asked)


def reported(engine: Engine, asked: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what every report says, and which ids stand behind each of its cells."""
    reports: Any = engine.analytics
    for pipeline, name in product(("sales", "lead_intake"), METRICS):
        yield f"{name} of {pipeline}", answer(getattr(reports, name), pipeline, **asked)
    for definition in ("reached", "visited", "bitrix24", "closed", "ordered"):
        how = {"window": timedelta(9), "anchor": "first"} if definition == "ordered" else {}
        funnel = reports.funnel("sales", definition=definition, **how, **asked)
        yield f"funnel {definition}", funnel.to_dicts()
        yield f"fates {definition}", [(row.fate, row.sums) for row in funnel.rows]
        for stage, cell, group in product(("new", "offer", "won"), CELLS, GROUPS if asked["by"] else (None,)):
            more = {} if group is None else {"group": group}
            yield f"ids behind {cell} of {stage} {more}", answer(funnel.ids, stage, cell, **more)


METRICS = (
    "transitions",
    "time_in_stage",
    "days_to_win",
    "win_rate",
    "cohort_win_rate",
    "loss_reasons",
    "potential",
    "people",
)
CELLS = ("count", "of_previous", "of_first", "lost", "went_back", "skipped")
GROUPS = ("bob", "ann", "web", "2026-03", "2026-04", "1", "7", "")
questions = st.fixed_dictionaries(
    {"by": st.sampled_from([None, "owner", "source", "campaign", "repeat", "month", "custom.size"])},
    optional={
        "owner": owners,
        "source": st.sampled_from(["web", "mail"]),
        "custom": st.sampled_from([{"size": 1}, {"size": 7}]),
        "created": st.just((START, START + timedelta(3))),
        "as_of": st.just(START + timedelta(4)),
    },
)


def answer(ask: Callable[..., Any], *words: Any, **more: Any) -> Any:
    """Return what is answered, as plain data if it is a report; or what is raised."""
    try:
        found = ask(*words, **more)
        return found.to_dicts() if hasattr(found, "to_dicts") else found
    except FunnelkitError as error:
        return type(error), str(error)


def agree(
    store: Store, part: Store, life: list[dict[str, Any]], eyes: dict[str, Any], asked: dict[str, Any]
) -> None:
    """Live, look with a person's eyes, and look at a store that holds only what they may see."""
    clock = FrozenClock(START)
    told: dict[str, Any] = {"organisation": PEOPLE, "sources": SOURCES, "clock": clock}
    whole = lived(Engine(*PIPELINES, store=store, ids=sequential_ids(), **told), clock, life)
    clock.tick(timedelta(days=5))
    seen = whole.seen_by(**eyes)
    alone = Engine(*PIPELINES, store=only(store, seen.visible, part), **told)
    ids = sorted(record.id for kind in KINDS for record in store.find(kind, {}, limit=10_000))
    for (what, theirs), (_, ours) in zip(said(alone, ids, asked), said(seen, ids, asked), strict=True):
        assert ours == theirs, what


eyes = st.fixed_dictionaries(
    {
        "person": st.sampled_from(sorted(PEOPLE.ids)),
        "scope": st.sampled_from(SCOPES),
        "storefronts": st.sampled_from([[], ["berlin"], ["berlin", "paris"]]),
    }
)
examples = given(life=lives, eyes=eyes, asked=questions)


@examples
@settings(deadline=None, max_examples=25)
def test_in_memory(life: list[dict[str, Any]], eyes: dict[str, Any], asked: dict[str, Any]) -> None:
    """In memory every answer to somebody is that of a store without what is hidden from them."""
    agree(MemoryStore(), MemoryStore(), life, eyes, asked)


@examples
@settings(deadline=None, max_examples=10)
def test_in_a_file(life: list[dict[str, Any]], eyes: dict[str, Any], asked: dict[str, Any]) -> None:
    """In a file every answer to somebody is that of a store without what is hidden from them."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("whole.db", "part.db")]
        with ExitStack() as stack:
            stores = [stack.enter_context(closing(SQLiteStore(path, durability="fast"))) for path in paths]
            agree(*stores, life, eyes, asked)


def test_on_a_server(schemas: Schemas) -> None:
    """On PostgreSQL every answer to somebody is that of a store without what is hidden from them."""

    @examples
    @settings(deadline=None, max_examples=3, suppress_health_check=list(HealthCheck))
    def lives_agree(life: list[dict[str, Any]], eyes: dict[str, Any], asked: dict[str, Any]) -> None:
        with ExitStack() as stack:
            places = [schemas.new(), schemas.new()]
            made = [PostgresStore(schemas.url, schema=place, durability="fast") for place in places]
            stores = [stack.enter_context(closing(store)) for store in made]
            agree(*stores, life, eyes, asked)

    lives_agree()
