"""Each statement of each verb fails in turn: before it, everything is as it was; the store works on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.failing import FailingStore, io_error
from tests.fault.world import engine_on

from funnelkit import Engine, EventLog, FrozenClock, MemoryStore, Store, import_log, money
from funnelkit.errors import StoreUnavailableError
from funnelkit.testing import readable, sequential_ids

pytestmark = pytest.mark.fault

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Verb = Callable[..., Any]


def furnished(store: Store) -> None:
    """Put in a store what the verbs are done to."""
    engine = engine_on(store, ids=sequential_ids(), clock=FrozenClock(NOW))
    engine.create_company("Acme", id="company")
    engine.create_contact("Ann", id="contact", company="company", custom={"vip": True})
    engine.create("Forty seats", id="deal", pipeline="care", contact="contact", custom={"size": 40})
    engine.create("Gone", id="lost", pipeline="care")
    engine.lose("lost")
    engine.capture("Inquiry", id="lead", company_name="Umbrella", email="bo@example.org")
    for number in range(6):
        engine.create(f"Offer {number}", id=f"offer{number}", pipeline="sales", stage="offer")


CUSTOM = {"size": 41, "terms": {"город": "Орёл", "days": 14}}
OFFERS = [f"offer{number}" for number in range(6)]

VERBS: dict[str, Verb] = {
    "create": lambda engine, **act: engine.create(
        "New", pipeline="care", value=money(5, "EUR"), custom=CUSTOM, contact="contact", **act
    ),
    "capture": lambda engine, **act: engine.capture("New", company_name="Acme", custom=CUSTOM, **act),
    "create_contact": lambda engine, **act: engine.create_contact("New", custom=CUSTOM, **act),
    "create_company": lambda engine, **act: engine.create_company("New", custom=CUSTOM, **act),
    "convert": lambda engine, **act: engine.convert("lead", pipeline="care", custom=CUSTOM, **act),
    "advance": lambda engine, **act: engine.advance("deal", **act),
    "move": lambda engine, **act: engine.move("deal", "done", **act),
    "win": lambda engine, **act: engine.win("deal", **act),
    "lose": lambda engine, **act: engine.lose("offer1", reason="price", **act),
    "void": lambda engine, **act: engine.void("lead", **act),
    "reopen": lambda engine, **act: engine.reopen("lost", **act),
    "transfer": lambda engine, **act: engine.transfer("offer0", "care", **act),
    "assign": lambda engine, **act: engine.assign("contact", "sam", **act),
    "edit": lambda engine, **act: engine.edit("deal", name="N", value=money(5, "EUR"), custom=CUSTOM, **act),
    "log": lambda engine, **act: engine.log("deal", "call", "звонок", custom=CUSTOM, **act),
    "bulk move": lambda engine, **act: engine.bulk("move", OFFERS, to="contract", **act),
    "bulk edit": lambda engine, **act: engine.bulk("edit", OFFERS, custom=CUSTOM, **act),
    "bulk transfer": lambda engine, **act: engine.bulk("transfer", OFFERS, to="care", **act),
}
LOG = EventLog(
    record="case",
    activity="what",
    time="when",
    zone="UTC",
    stages={"in": "asked", "do": "doing"},
    outcomes={"paid": "won"},
    custom=["size"],
)
ROWS = [
    {"case": f"A-{case}", "what": what, "when": f"2026-02-0{day} 09:30", "size": f"{day}"}
    for case in range(4)
    for day, what in enumerate(("in", "do", "paid"), 1)
]


def migrate(engine: Engine, **act: Any) -> Any:
    """Take the records of a stage that is gone to the one in its place."""
    plan = engine.plan_migration("sales", {"offer": "proposal"})
    return engine.migrate(plan, actor="head", reason="a new word", **act)


WITHOUT_KEY: dict[str, Verb] = {
    **VERBS,
    "migrate": migrate,
    "import a batch": lambda engine: import_log(engine, ROWS, LOG, pipeline="care"),
}
KEYS = ("form-7", *(f"form-7/{id}" for id in OFFERS))


def engine_at_work(store: Store, verb: str) -> Engine:
    """Return an engine that will make the same ids at the same time as any other one of these."""
    stage = "proposal" if verb == "migrate" else "offer"
    return engine_on(store, stage, ids=sequential_ids(900), clock=FrozenClock(NOW))


def unbroken(verb: Verb, name: str, **act: Any) -> tuple[Any, Any]:
    """Return what a verb answers and what is in a store after it, when nothing fails."""
    store = MemoryStore()
    furnished(store)
    answer = verb(engine_at_work(store, name), **act)
    return answer, readable(store, KEYS)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a furnished SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "crm.db"
    with closing(FailingStore(path)) as store:
        furnished(store)
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Any:
    """Return the furnished store in which statements fail."""
    shutil.copy(template, tmp_path / "crm.db")
    with closing(FailingStore(tmp_path / "crm.db")) as store:
        yield store


Raised = tuple[Callable[[], BaseException], type[BaseException]]
ERRORS: list[Raised] = [(io_error, StoreUnavailableError), (KeyboardInterrupt, KeyboardInterrupt)]


def failing_everywhere(store: FailingStore, verb: Verb, name: str, raised: Raised, **act: Any) -> int:
    """Let statement 1, 2, 3, … fail until the verb passes; return how many failed."""
    answer, after = unbroken(verb, name, **act)
    before = readable(store, KEYS)
    failed = 0
    while True:
        store.fail(failed + 1, raised[0])
        try:
            said = verb(engine_at_work(store, name), **act)
        except raised[1]:
            failed += 1
            assert not store.connection.in_transaction
            assert readable(store, KEYS) == before
        else:
            break
    store.fail(0)
    assert said == answer
    assert readable(store, KEYS) == after
    assert engine_at_work(store, name).verify() == ()
    return failed


@pytest.mark.parametrize("raised", ERRORS, ids=["disk error", "interrupt"])
@pytest.mark.parametrize("name", WITHOUT_KEY)
def test_a_failure_at_any_statement_leaves_nothing(
    name: str, raised: Raised, store: FailingStore, tell: Tell
) -> None:
    """Whichever statement of a verb fails, the store is as before, and the verb works when called again."""
    failed = failing_everywhere(store, WITHOUT_KEY[name], name, raised)
    assert failed > 4
    kind = raised[0]().__class__.__name__
    tell(f"{kind} at each statement of each of {len(WITHOUT_KEY)} verbs", failed, "all or none, usable")


WITH_KEY: dict[str, Verb] = {**VERBS, "migrate": migrate}


@pytest.mark.parametrize("raised", ERRORS, ids=["disk error", "interrupt"])
@pytest.mark.parametrize("name", WITH_KEY)
def test_a_failure_at_any_statement_under_a_key_leaves_nothing(
    name: str, raised: Raised, store: FailingStore, tell: Tell
) -> None:
    """Under a key it is the same; when the verb has passed, the same call answers the same, does nothing."""
    verb = WITH_KEY[name]
    failed = failing_everywhere(store, verb, name, raised, key="form-7")
    answer, after = unbroken(verb, name, key="form-7")
    if name != "migrate":  # planned anew there is nothing to migrate
        assert verb(engine_at_work(store, name), key="form-7") == answer
    assert readable(store, KEYS) == after
    kind = raised[0]().__class__.__name__
    tell(
        f"{kind} at each statement of each of {len(WITH_KEY)} verbs under a key",
        failed,
        "all or none, usable; the repeated call answers the same and does nothing",
    )


@pytest.mark.parametrize("raised", ERRORS, ids=["disk error", "interrupt"])
@pytest.mark.parametrize("name", WITH_KEY)
def test_a_failure_after_the_commit_is_answered_by_the_key(
    name: str, raised: Raised, store: FailingStore, tell: Tell
) -> None:
    """What failed between commit and answer was done; the same call answers the same and does it once."""
    verb = WITH_KEY[name]
    answer, after = unbroken(verb, name, key="form-7")
    engine = engine_at_work(store, name)
    if name == "migrate":
        plan = engine.plan_migration("sales", {"offer": "proposal"})
        act = {"actor": "head", "reason": "a new word"}
        verb = lambda engine, **key: engine.migrate(plan, **act, **key)  # noqa: E731
    store.fail_after("COMMIT", raised[0])
    try:
        assert verb(engine, key="form-7") == answer
    except raised[1]:
        pass
    assert store.plan.fails_after == ""  # it did fail
    assert readable(store, KEYS) == after
    assert verb(engine_at_work(store, name), key="form-7") == answer
    assert readable(store, KEYS) == after
    tell("failure between COMMIT and answer, under a key", 1, "done once; repeated, answers the same")


@pytest.mark.parametrize("raised", ERRORS, ids=["disk error", "interrupt"])
def test_a_failure_and_one_of_its_rollback_leave_nothing(raised: Raised, store: FailingStore) -> None:
    """Where taking back what was written fails as well, it is tried again: nothing is there, work goes on."""
    before = readable(store, KEYS)
    engine = engine_at_work(store, "convert")
    store.plan.fails_before = "ROLLBACK"
    store.fail(12, raised[0])
    with pytest.raises(raised[1]):
        engine.convert("lead", pipeline="care")
    assert store.plan.fails_before == ""  # it did fail
    assert readable(store, KEYS) == before
    assert engine.convert("lead", pipeline="care").lead.outcome == "won"
