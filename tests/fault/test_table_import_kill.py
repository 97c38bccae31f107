"""An import of a table that dies loses nothing and does nothing twice, wherever it is killed or cut."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
import time
import traceback
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import attrs
import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.running import run

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage
from funnelkit.storage import Store, open_store
from funnelkit.storage.base import Commit
from funnelkit.tables.importing import import_table
from funnelkit.tables.mapping import Column, TableMapping
from funnelkit.tables.report import TableReport
from funnelkit.testing import readable

pytestmark = pytest.mark.fault

CLOCK = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
SALES = Pipeline("sales", [Stage("new"), Stage("offer")], close_reasons={"lost": ["price", "silence"]})
CONTACTS = TableMapping(
    kind="contact",
    key="id",
    fields={"name": "name", "email": "email", "phone": "phone", "company_name": "company", "owner": "owner"},
)
DEALS = TableMapping(
    kind="deal",
    key="id",
    zone="UTC",
    fields={
        "name": "name",
        "place": Column("place", values={"Won": "won", "Lost": "lost"}),
        "reason": "reason",
        "contact": "contact",
        "created_at": "created",
    },
)
MANY = 3_000  # rows of each table


def tables_of(seed: int, number: int) -> tuple[bytes, bytes]:
    """Return a table of contacts, many of them twice, and one of their deals; both with bad rows."""
    random = Random(seed)
    contacts = [
        {
            "id": random.choice((index, random.randint(1, number))),
            "name": random.choice(("Ann", "Bob", "Ёж", "")),
            "email": f"u{random.randint(1, number)}@x.example",
            "phone": random.choice(("", f"+7916{random.randint(1, number):07d}")),
            "company": random.choice(("", f"Firm {random.randint(1, 50)}")),
            "owner": random.choice(("", "ann")),
        }
        for index in range(1, number)
    ]
    deals = [
        {
            "id": index,
            "name": "Roof",
            "place": random.choice(("new", "offer", "Won", "Lost", "sold")),
            "reason": random.choice(("price", "silence")),
            "contact": random.randint(1, number),
            "created": "01.02.2025",
        }
        for index in range(1, number)
    ]
    return csv_of(contacts), csv_of(deals)


def csv_of(rows: list[dict[str, Any]]) -> bytes:
    """Return rows as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def taken(store: Store, seed: int, rows: int = MANY, batch: int = 50) -> list[TableReport]:
    """Import both tables into a store."""
    engine = Engine(SALES, store=store, clock=CLOCK)
    files = zip(tables_of(seed, rows), (CONTACTS, DEALS), strict=True)
    return [import_table(engine, io.BytesIO(file), mapping, batch=batch) for file, mapping in files]


def content(store: Store) -> dict[str, Any]:
    """Return everything that is in a store, in its order, but not the numbers that databases give."""
    everything = readable(store)
    everything["changes"] = [change for _, change in everything["changes"]]
    return {part: found for part, found in everything.items() if part != "tables"}


# -- kill -9 -------------------------------------------------------------------------------------


def work(url: str, seed: int, report: Path) -> NoReturn:
    """Import, in a process of its own; a report is left by the one that gets to the end."""
    try:
        with closing(open_store(url)) as store:
            found = taken(store, seed)
        draft = report.with_suffix(".draft")
        draft.write_text(json.dumps([attrs.asdict(one) for one in found]), encoding="utf-8")
        draft.rename(report)
    except BaseException:  # noqa: BLE001 (it must not go on as a second campaign)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def killed(url: str, seed: int, report: Path, delay: float) -> bool:
    """Let a process import and kill it after a while; return whether it had come to its end before."""
    child = os.fork()
    if child == 0:
        work(url, seed, report)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the worker failed, see above")
    return report.exists()


def campaign(how: dict[str, Any]) -> dict[str, int]:
    """Kill imports into one store until one comes to its end; compare it with one clean run."""
    random, seed = Random(how["seed"]), how["seed"]
    clean = MemoryStore()
    begun = time.monotonic()
    whole = taken(clean, seed)
    lasts = time.monotonic() - begun
    expected, kills = content(clean), 0
    for url, path in zip(how["urls"], map(Path, how["reports"]), strict=True):
        while True:
            kills += 1
            patience = lasts * (0.2 + kills / 10)  # else it would never come to its end
            if killed(url, seed, path, random.uniform(0, 2 * patience)):
                break
        with closing(open_store(url)) as store:
            assert content(store) == expected, f"another store, seed {seed}, {kills} kills"
            assert Engine(SALES, store=store).verify() == ()
            again = taken(store, seed)
            assert content(store) == expected
        assert [(one.rows, one.bad) for one in again] == [(one.rows, one.bad) for one in whole]
        assert [(one.created, one.filled, one.companies) for one in again] == [(0, 0, 0)] * 2
    return {"kills": kills, "created": sum(one.created for one in whole)}


def test_an_import_that_is_killed_is_finished_by_the_next(tmp_path: Path, tell: Tell) -> None:
    """However often an import is killed, once it comes to its end the store is that of one clean run."""
    files = times(20)
    seed = int(os.environ.get("FUNNELKIT_SEED", "1"))
    print(f"seed {seed}")
    how = {
        "seed": seed,
        "urls": [f"sqlite:///{tmp_path}/{number}.db" for number in range(files)],
        "reports": [f"{tmp_path}/{number}.json" for number in range(files)],
    }
    told = json.loads(run("-m", "tests.fault.test_table_import_kill", json.dumps(how)))
    assert told["created"] > MANY / 2
    assert told["kills"] > files
    tell(
        f"kill -9 of an import of 2 tables of {MANY:,} rows", told["kills"], "run again: equals one clean run"
    )


# -- each commit in turn -------------------------------------------------------------------------


class CutError(Exception):
    """The connection was cut."""


class Breaking(MemoryStore):
    """A store whose commit number ``left`` fails: before it was done, or after."""

    left, after = 10**9, False

    def commit(self, commit: Commit) -> None:
        """Do it, or not, and fail when it is time."""
        self.left -= 1
        if self.left or self.after:
            super().commit(commit)
        if not self.left:
            raise CutError


@pytest.mark.parametrize("after", [False, True])
def test_an_import_that_is_cut_at_any_commit_is_finished_by_the_next(after: bool) -> None:
    """Whichever commit fails, done or not, the next run ends with the store of one clean run."""
    clean = MemoryStore()
    taken(clean, 7, rows=60, batch=10)
    expected = content(clean)
    for number in range(1, 13):
        store = Breaking()
        store.left, store.after = number, after
        try:
            taken(store, 7, rows=60, batch=10)
        except CutError:
            assert content(store) != expected or after
        else:
            assert number > 11
        taken(store, 7, rows=60, batch=10)
        assert content(store) == expected


if __name__ == "__main__":
    print(json.dumps(campaign(json.loads(sys.argv[1]))))
