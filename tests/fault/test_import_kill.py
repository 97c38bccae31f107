"""An import that dies loses nothing and does nothing twice; an inquiry that is sent again is one lead."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import attrs
import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.running import run, start

from funnelkit import Engine, EventLog, FrozenClock, ImportReport, MemoryStore, Pipeline, Stage, import_log
from funnelkit.storage import Store, open_store
from funnelkit.storage.base import Commit
from funnelkit.testing import readable

pytestmark = pytest.mark.fault

SALES = Pipeline(
    "sales",
    [Stage("new"), Stage("offer"), Stage("contract")],
    moves="ordered",
    close_reasons={"lost": ["price", "silence"]},
)
INTAKE = Pipeline("intake", [Stage("register"), Stage("assess")], kind="lead")
LOG = EventLog(
    record="case",
    activity="what",
    time="when",
    owner="holder",
    value="sum",
    currency="EUR",
    custom="size",
    zone="UTC",
    stages={"N": "new", "O": "offer", "C": "contract"},
    outcomes={"W": "won", "L": ("lost", "price"), "X": "void"},
    ignore="call",
)
CLOCK = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
MANY = 4_000  # rows
CALLERS = 8
Row = dict[str, str]


def rows_of(seed: int, number: int) -> list[Row]:
    """Return a log of interleaved cases: histories, repeats, reopenings, bad rows, early outcomes."""
    random = Random(seed)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    rows = []
    for index in range(number):
        what = random.choice("NNOOCCWLX?" if random.random() < 0.9 else ["call", ""])
        when = start + timedelta(minutes=index + random.randint(-500, 500))
        rows.append(
            {
                "case": f"case-{random.randint(index // 10, index // 10 + 60)}",
                "what": what,
                "when": when.isoformat(),
                "holder": random.choice(("", "", "ann", "Ёж")),
                "sum": random.choice(("", "", "250.50", "zwölf")),
                "size": random.choice(("", "S", "L")),
            }
        )
    return rows


def taken(store: Store, rows: list[Row], batch: int = 10) -> ImportReport:
    """Import rows into a store."""
    engine = Engine(SALES, store=store, clock=CLOCK)
    return import_log(engine, rows, LOG, pipeline="sales", batch=batch)


def content(store: Store) -> dict[str, Any]:
    """Return everything that is in a store, in its order, but not the numbers that databases give."""
    everything = readable(store)
    everything["changes"] = [change for _, change in everything["changes"]]
    return {part: found for part, found in everything.items() if part != "tables"}


def same_in_the_end(last: ImportReport, clean: ImportReport) -> bool:
    """Whether the report of the last of several runs tells what that of one clean run tells."""
    return (last.rows, last.used + last.present, last.repeats, last.ignored_activities, last.bad) == (
        clean.rows,
        clean.used,
        clean.repeats,
        clean.ignored_activities,
        clean.bad,
    )


# -- kill -9 -------------------------------------------------------------------------------------


def work(url: str, rows: list[Row], report: Path) -> NoReturn:
    """Import, in a process of its own; a report is left by the one that gets to the end."""
    try:
        with closing(open_store(url)) as store:
            found = taken(store, rows)
        draft = report.with_suffix(".draft")
        draft.write_text(json.dumps(attrs.asdict(found)), encoding="utf-8")
        draft.rename(report)
    except BaseException:  # noqa: BLE001 (it must not go on as a second campaign)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def killed(url: str, rows: list[Row], report: Path, delay: float) -> bool:
    """Let a process import and kill it after a while; return whether it had come to its end before."""
    child = os.fork()
    if child == 0:
        work(url, rows, report)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the worker failed, see above")
    return report.exists()


def campaign(how: dict[str, Any]) -> dict[str, Any]:
    """Kill one import after the other on one store until one comes to its end; then start on the next."""
    random, rows = Random(how["seed"]), rows_of(how["seed"], how["rows"])
    clean = MemoryStore()
    begun = time.monotonic()
    whole = taken(clean, rows)
    lasts = time.monotonic() - begun
    expected, kills = content(clean), 0
    for url, path in zip(how["urls"], map(Path, how["reports"]), strict=True):
        while kills < how["kills"] or path == Path(how["reports"][0]):
            kills += 1
            patience = lasts * (1 + kills / 20)  # else a slow store would never come to its end
            if killed(url, rows, path, random.uniform(0, random.choice((0.2, 1, 2)) * patience)):
                break
        else:
            break
        with closing(open_store(url)) as store:
            assert content(store) == expected, f"another store, seed {how['seed']}, {kills} kills"
            assert Engine(SALES, store=store).verify() == ()
            again = taken(store, rows)
            assert same_in_the_end(again, whole)
            assert (again.records, again.used) == (0, 0)
            assert content(store) == expected
        told = json.loads(path.read_text("utf-8"))
        assert told["used"] + told["present"] == whole.used
    return {"kills": kills, "records": whole.records}


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], str]:
    """Return what names a new store, by number."""
    if request.param == "SQLite":
        return lambda number: f"sqlite:///{tmp_path}/{number}.db"
    schemas = request.getfixturevalue("schemas")
    return lambda _: f"{schemas.url}?schema={schemas.new()}"


def test_an_import_that_is_killed_is_finished_by_the_next(
    fresh: Callable[[int], str], tmp_path: Path, tell: Tell, request: pytest.FixtureRequest
) -> None:
    """However often an import is killed, once it comes to its end the store is that of one clean run."""
    files = times(8)
    seed = int(os.environ.get("FUNNELKIT_SEED", "1"))
    print(f"seed {seed}")
    how = {
        "seed": seed,
        "rows": MANY,
        "kills": times(30),
        "urls": [fresh(number) for number in range(files)],
        "reports": [f"{tmp_path}/{number}.json" for number in range(files)],
    }
    told = json.loads(run("-m", "tests.fault.test_import_kill", "import", json.dumps(how)))
    assert told["records"] > MANY / 20
    assert told["kills"] > 1
    what = f"kill -9 of an import of {MANY:,} rows, {request.node.callspec.params['fresh']}"
    tell(what, told["kills"], "run again to its end: equals one clean run")


# -- each commit in turn -------------------------------------------------------------------------


class CutError(Exception):
    """The connection was cut."""


class Breaking(MemoryStore):
    """A store whose commit number n fails, before it was done or after."""

    def __init__(self) -> None:
        super().__init__()
        self.commits, self.fails_at, self.late = 0, 0, False

    def commit(self, commit: Commit) -> None:
        """Commit, or fail; a late failure is one of which nobody can tell whether it is one."""
        self.commits += 1
        failing = self.commits == self.fails_at
        if failing and not self.late:
            raise CutError
        super().commit(commit)
        if failing:
            raise CutError


@pytest.mark.parametrize("late", [False, True])
def test_an_import_may_fail_at_any_commit(late: bool, tell: Tell) -> None:
    """Each commit fails in turn, before or after it is done; the next run ends as one clean run."""
    rows = rows_of(2, 400)
    clean = Breaking()
    whole = taken(clean, rows)
    assert clean.commits > 8
    for number in range(1, clean.commits + 1):
        store = Breaking()
        store.fails_at, store.late = number, late
        with pytest.raises(CutError):
            taken(store, rows)
        assert Engine(SALES, store=store).verify() == ()
        last = taken(store, rows)
        assert last.present > 0 or number == 1
        assert same_in_the_end(last, whole)
        assert content(store) == content(clean)
    what = "after" if late else "before"
    tell(
        f"an import whose commit fails {what} it is done, each in turn", clean.commits, "finished by the next"
    )


def test_every_commit_may_fail_once(tell: Tell) -> None:
    """An import that fails at its first new commit every time goes on by one batch every time."""
    rows = rows_of(3, 400)
    clean, store = Breaking(), Breaking()
    whole, failures = taken(clean, rows), 0
    store.late = True
    while True:
        store.fails_at = store.commits + 1
        try:
            last = taken(store, rows)
        except CutError:
            failures += 1
        else:
            break
    assert failures == clean.commits
    assert last.used == 0
    assert same_in_the_end(last, whole)
    assert content(store) == content(clean)
    tell("an import that dies after each of its commits", failures, "equals one clean run")


# -- one inquiry ---------------------------------------------------------------------------------


def capture(how: dict[str, Any]) -> None:
    """Capture inquiries under their keys and print each answer; die after commit number ``dies_at``."""
    left = how["dies_at"]

    def die(_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    with Engine(INTAKE, store=how["url"]) as engine:
        engine.subscribe(die)
        for number in range(how["number"]):
            lead = engine.capture(f"Inquiry {number}", key=f"form-{number}")
            print(json.dumps([number, repr(lead), lead.id]), flush=True)


def test_an_inquiry_becomes_one_lead(tmp_path: Path, tell: Tell) -> None:
    """Sent by eight processes that die between commit and answer, and sent again: one lead, one answer."""
    number, random, deaths = max(24, times(60)), Random(4), 0
    url = f"sqlite:///{tmp_path}/crm.db"
    answers: dict[int, set[tuple[str, str]]] = {}
    for dies_at in (1, *(random.randint(1, 4) for _ in range(4)), 0):
        how = json.dumps({"url": url, "number": number, "dies_at": dies_at})
        module = "tests.fault.test_import_kill"
        running = [start("-m", module, "capture", how) for _ in range(CALLERS)]
        for process in running:
            for line in process.communicate()[0].splitlines():
                inquiry, *answer = json.loads(line)
                answers.setdefault(inquiry, set()).add(tuple(answer))
            assert process.returncode in {0, -signal.SIGKILL}
            assert dies_at or not process.returncode
            deaths += process.returncode != 0
        assert deaths >= CALLERS  # in the first round each of them dies at its first commit
    assert sorted(answers) == list(range(number))
    assert {len(each) for each in answers.values()} == {1}
    with Engine(INTAKE, store=url) as engine:
        leads = engine.find("lead", limit=1000)
        assert sorted(lead.name for lead in leads) == sorted(f"Inquiry {each}" for each in range(number))
        assert {lead.id for lead in leads} == {id for each in answers.values() for _, id in each}
        assert engine.verify() == ()
    tell(
        f"kill -9 between commit and answer of {number} inquiries, 8 processes",
        deaths,
        "one lead, one answer",
    )


if __name__ == "__main__":
    mode, given = sys.argv[1], json.loads(sys.argv[2])
    if mode == "capture":
        capture(given)
    else:
        print(json.dumps(campaign(given)))
