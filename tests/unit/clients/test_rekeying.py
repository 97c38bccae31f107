"""Keys made anew after the policy changed, or for records that never had any."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Schemas
from tests.unit.clients.conftest import Make, a_server

from funnelkit import AsyncEngine, Engine, MemoryStore, templates
from funnelkit.clients import KeyPolicy, MatchRule
from funnelkit.clients.rekeying import _PAGE, Rekeyed, async_rekey, rekey
from funnelkit.errors import StoreBusyError
from funnelkit.storage.base import Commit, Write
from funnelkit.storage.sqlite import SQLiteStore

KEYS = "SELECT match_key, kind, record_id FROM match_key ORDER BY match_key, kind, record_id"


def filled(store: Any, policy: KeyPolicy | None = None) -> Engine:
    """Return an engine over a store with a client of each kind."""
    engine = Engine(templates.lead_intake(), store=store, keys=policy)
    acme = engine.create_company("Acme Ltd", id="acme")
    engine.create_contact("Ada", id="c1", email="Ada+x@acme.example", phone="020 7946 0000", company=acme)
    engine.capture("Bob", id="l1", email="bob+y@acme.example", company_name="Acme")
    return engine


@pytest.fixture
def keyless() -> MemoryStore:
    """Return a store whose records were written before there were keys."""
    full, bare = MemoryStore(), MemoryStore()
    engine = filled(full)
    records = [engine.get(id) for id in ("acme", "c1", "l1")]
    bare.commit(Commit(writes=tuple(Write(record, 0) for record in records)))
    return bare


def test_records_without_keys_get_those_that_a_new_one_would_have(keyless: MemoryStore) -> None:
    """After it, the store has the keys of one that was filled with keys from the start."""
    full = MemoryStore()
    filled(full)
    assert keyless.query(KEYS, {}) == []
    done = rekey(Engine(templates.lead_intake(), store=keyless))
    assert keyless.query(KEYS, {}) == full.query(KEYS, {})
    assert str(done) == f"records looked at: 3, keys added: {len(full.query(KEYS, {}))}"


def test_after_a_policy_changed_clients_are_found_by_the_new_one(make: Make) -> None:
    """Plus tags told two mailboxes apart; by the new policy they are one, and old keys stay."""
    store = MemoryStore()
    before = set(filled(store).store.query(KEYS, {}))
    engine = Engine(templates.lead_intake(), store=store, keys=KeyPolicy(aliases="plus"))
    inquiry, sure = make.lead(email="ada@acme.example"), [MatchRule("same e-mail", ("email",))]
    assert not engine.candidates(inquiry, rules=sure)
    rekey(engine)
    assert [one.record.id for one in engine.candidates(inquiry, rules=sure)] == ["c1"]
    assert before <= set(store.query(KEYS, {}))


def test_doing_it_again_adds_nothing(keyless: MemoryStore) -> None:
    """What has its keys is read and left."""
    engine = Engine(templates.lead_intake(), store=keyless)
    rekey(engine)
    assert rekey(engine) == Rekeyed(records=3, keys=0)


class Stopping(MemoryStore):
    """A store that fails at the commits it is told to."""

    fails = 0

    def commit(self, commit: Commit) -> None:
        """Fail, or write."""
        if self.fails:
            self.fails -= 1
            raise StoreBusyError("memory", "busy")
        super().commit(commit)


def test_after_a_stop_it_goes_on() -> None:
    """What was written before the stop is not written again; the rest follows."""
    store = Stopping()
    engine = Engine(store=store)
    people = [engine.create_contact(f"N{n}", email=f"n{n}@gmail.com") for n in range(_PAGE + 1)]
    changed = Engine(store=store, keys=KeyPolicy(identifiers={"inn": "custom.inn"}, aliases="keep"))
    engine.edit(people[0], email="A@gmail.com")
    engine.edit(people[-1], email="Z@gmail.com")
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        store.fails = 1 if done == _PAGE else 0

    with pytest.raises(StoreBusyError):
        rekey(changed, progress=stop)
    assert seen == [(0, _PAGE + 1), (_PAGE, _PAGE + 1)]
    assert rekey(changed) == Rekeyed(records=_PAGE + 1, keys=1)


def test_an_engine_that_is_awaited_does_the_same(keyless: MemoryStore) -> None:
    """It is written once."""

    async def done() -> Rekeyed:
        return await async_rekey(AsyncEngine(templates.lead_intake(), store=keyless))

    full = MemoryStore()
    filled(full)
    assert asyncio.run(done()).records == 3
    assert keyless.query(KEYS, {}) == full.query(KEYS, {})


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_files_and_servers_take_keys_alone(where: str, tmp_path: Path, schemas: Schemas) -> None:
    """A commit of nothing but keys is written by every store."""
    store = SQLiteStore(tmp_path / "crm.db") if where == "sqlite" else a_server(schemas)
    with filled(store):
        engine = Engine(templates.lead_intake(), store=store, keys=KeyPolicy(region="GB"))
        assert rekey(engine) == Rekeyed(records=3, keys=1)
        rows = store.query("SELECT match_key FROM match_key WHERE record_id = 'c1' AND kind = 'contact'", {})
    assert ("phone:+442079460000",) in rows
