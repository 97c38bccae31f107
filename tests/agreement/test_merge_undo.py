"""A merge and its undoing are nothing: whatever can be read is as it was, in every store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agreement.merging import (
    PIPELINES,
    World,
    candidates,
    links,
    matrix,
    orphans,
    profiles,
    reports,
    rules,
    without_traces,
)
from tests.servers import Schemas

from funnelkit import Deal, Lead, MemoryStore, Store
from funnelkit.clients.merging import Merge
from funnelkit.errors import RefusedError
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import readable

KINDS = st.sampled_from(["lead", "deal", "contact", "company"])


@contextmanager
def on_file() -> Iterator[Store]:
    """Give a SQLite file."""
    with TemporaryDirectory() as folder, SQLiteStore(Path(folder) / "crm.db", durability="fast") as store:
        yield store


@contextmanager
def in_memory() -> Iterator[Store]:
    """Give a store in memory."""
    yield MemoryStore()


def merged(world: World, kind: str) -> Merge | None:
    """Plan a merge and apply it; None where the plan is refused, which changes nothing."""
    before = readable(world.engine.store)
    survivor = world.data.draw(st.none() | st.sampled_from(some := world.some(kind)), "survivor")
    plan = world.engine.plan_merge(some, rule=world.data.draw(rules, "rule"), survivor=survivor)
    assert readable(world.engine.store) == before
    if not plan:
        with pytest.raises(RefusedError) as caught:
            world.engine.apply(plan)
        assert set(caught.value.verdict.refusals) == set(plan.refusals)
        assert readable(world.engine.store) == before
        return None
    return world.engine.apply(plan, actor="kim")


def enough(world: World, kind: str) -> bool:
    """Whether two records of a kind stand."""
    return sum(not world.stored(kind, id).replaced_by for id in world.ids[kind]) > 1


def said(world: World, merge: Merge | None, by: str | None) -> dict[str, Any]:
    """Return everything that is to be as it was."""
    return {
        "records": {id: without_traces(record, merge) for id, record in world.records().items()},
        "links": links(world),
        "profiles": profiles(world),
        "reports": reports(world, by),
    }


def added(world: World, merge: Merge) -> dict[str, Counter[tuple[str, str]]]:
    """Return pipeline → the moves that a merge and its undoing have written."""
    rows: dict[str, Counter[tuple[str, str]]] = {pipeline.id: Counter() for pipeline in PIPELINES}
    if isinstance(merge.survivor, Lead | Deal):
        for loser in merge.losers:
            now = world.stored(type(loser).__name__.lower(), loser.id)
            for move in world.engine.store.moves(loser.id):
                if move.cause in {"merge", "undo"} and now.outcome != "void":
                    rows[move.pipeline][move.source, move.target] += 1
    return rows


def check(data: st.DataObject, store: Store) -> None:
    """Merge and undo."""
    world = World(data, store)
    kind = data.draw(KINDS, "kind")
    if not enough(world, kind):
        return
    by = data.draw(st.sampled_from([None, "owner", "source", "month"]), "by")
    before, ways, known = said(world, None, by), matrix(world), candidates(world)
    keys = readable(store)["keys"]
    all_before = world.records()
    merge = merged(world, kind)
    if merge is None:
        return
    assert world.engine.verify() == ()
    assert orphans(world) == []
    world.engine.undo(merge, actor="kim")
    assert world.engine.verify() == ()
    before["records"] = {id: without_traces(record, merge) for id, record in all_before.items()}
    assert said(world, merge, by) == before
    after = candidates(world)
    assert all(found <= after[id] for id, found in known.items())
    if readable(store)["keys"] == keys:
        assert after == known
    traces = {pipeline: Counter(cells) for pipeline, cells in matrix(world).items()}
    for pipeline, rows in added(world, merge).items():
        assert traces[pipeline] == Counter(ways[pipeline]) + rows


@pytest.mark.parametrize("place", [in_memory, on_file])
def test_merge_and_undo_is_nothing(place: Callable[[], Any]) -> None:
    """Records, links, profiles, candidates, reports are as before; the matrix has the losers' rows more."""

    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        with place() as store:
            check(data, store)

    run()


def test_it_is_nothing_in_postgresql(schemas: Schemas) -> None:
    """The same in PostgreSQL."""
    from funnelkit.storage.postgres import PostgresStore

    @settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        with PostgresStore(schemas.url, schema=schemas.new(), durability="fast", connections=1) as store:
            store.find("deal", {})  # the pool is filled by a thread that uses `random`, not while we draw
            check(data, store)

    run()


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_many_merges_are_undone_the_last_first(data: st.DataObject) -> None:
    """Merges one upon the other are sound and orphan nobody; undone, they leave nothing."""
    world = World(data, MemoryStore())
    before, done = world.records(), []
    for kind in data.draw(st.lists(KINDS, min_size=1, max_size=4), "kinds"):
        if enough(world, kind) and (merge := merged(world, kind)):
            done.append(merge)
            assert world.engine.verify() == ()
            assert orphans(world) == []
    for merge in reversed(done):
        world.engine.undo(merge)
    assert world.engine.verify() == ()

    def bare(record: Any) -> Any:
        for merge in done:
            record = without_traces(record, merge)
        return record

    assert {id: bare(record) for id, record in world.records().items()} == {
        id: bare(record) for id, record in before.items()
    }


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_was_merged_leaves_every_count(data: st.DataObject) -> None:
    """After a merge no report knows the losers: each says what it said of a world where they were void."""
    world = World(data, MemoryStore())
    if not enough(world, "deal") or (merge := merged(world, "deal")) is None:
        return
    lost = {loser.id for loser in merge.losers}
    for pipeline in ("sales", "care"):
        funnel = world.engine.analytics.funnel(pipeline)
        assert not any(lost & set(funnel.ids(row.stage)) for row in funnel.rows)
        losses = world.engine.analytics.loss_reasons(pipeline)
        assert not any(lost & set(losses.ids(row.stage, row.reason)) for row in losses.rows)
    assert all(isinstance(loser, Deal | Lead) and loser.outcome == "void" for loser in merge.losers)
