"""The power goes at any instant: "full" loses nothing, "fast" the last moments at most, neither breaks."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.journal import Entry, Journal, check, opened, sound
from tests.fault.world import Call, calls, engine_on, perform

from funnelkit.errors import FunnelkitError
from funnelkit.storage.sqlite import store as sqlite
from funnelkit.testing import readable

pytest.importorskip("apsw")  # the disk is made with it
from tests.fault.disk import Disk, on_disk  # (after the check that it can be)

pytestmark = pytest.mark.fault

Durability = Literal["full", "fast"]
OLD = sorted((Path(__file__).parents[1] / "fixtures").glob("schema_*.sql"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder in memory where the system has one: these disks are simulated, so speed is free."""
    memory = Path("/dev/shm")  # noqa: S108 (a name that nobody foresees is made within)
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


class Cuts:
    """Images of a disk at random instants, each with how far the journal had come."""

    def __init__(self, folder: Path, seed: int, journal: Journal) -> None:
        self.live = folder / "live"
        self.live.mkdir()
        self.disk = Disk()
        self.chance = 0.0
        self.taken: list[tuple[Path, int]] = []
        self._folder = folder
        self._random = Random(seed)
        self._journal = journal
        self.disk.watch = self._watch

    def _watch(self, _operation: str, path: str) -> None:
        # What happens to the file itself is rarer than what happens to its log.
        if self._random.random() < self.chance * (1 if path.endswith("-wal") else 5):
            self.take()

    def take(self) -> None:
        """Note what the disk would show after a cut now: once without what was not synced, once torn."""
        number = len(self.taken)
        for kind, random in (("dropped", None), ("torn", self._random)):
            found = self._folder / f"{number}-{kind}"
            self.disk.image(self.live, found, random)
            self.taken.append((found, self._journal.size()))


class Life(NamedTuple):
    """What happens on the disk, and how often its power goes."""

    durability: Durability
    rows: int  # from one checkpoint to the next
    mostly: str
    cuts: int
    chance: float  # of a cut at each write to the log

    def __str__(self) -> str:
        return f"durability {self.durability}, checkpoint after {self.rows:,} rows"


def lives(folder: Path, life: Life) -> Iterator[tuple[str, list[Entry]]]:
    """Make random calls on a store on such a disk; yield the URL of each image and the journal until then."""
    path = folder / "journal"
    journal = Journal(path)
    disk = Cuts(folder, 1, journal)
    disk.chance = life.chance
    store = on_disk(disk.disk, disk.live / "crm.db", life.durability)
    engine = engine_on(store)
    stream = calls(store, Random(life.cuts), "p", mostly=life.mostly)
    answer: tuple[Any, ...] | None = None
    done = 0
    while done < life.cuts:
        call = stream.send(answer)
        journal.asked(call)
        try:
            answer = perform(engine, call)
        except FunnelkitError as error:
            answer = None
            journal.refused(error)
        else:
            journal.answered(answer)
        for image, size in disk.taken:
            done += 1
            yield f"sqlite:///{image}/crm.db", Journal.read(path, size)
            shutil.rmtree(image)
        disk.taken.clear()
    store.close()
    journal.close()


def usable(url: str, call: Call | None = None) -> None:
    """Demand that work goes on after the power came back: the call in flight, and another one."""
    with engine_on(opened(url, "fast")) as engine:
        if call is not None:
            try:
                answer = perform(engine, call)
            except FunnelkitError:
                pass  # it would have been refused before the cut as well
            else:
                assert perform(engine, call) == answer
        deal = engine.advance(engine.create("after the cut", pipeline="care"))
        assert engine.get(deal.id) == deal


@pytest.mark.parametrize(
    "life",
    [
        Life("full", 12, "single", times(300), 0.02),
        Life("full", 400, "single", times(300), 0.02),
        Life("fast", 12, "single", times(300), 0.02),
        Life("fast", 4_000, "bulk", times(60), 0.002),
    ],
    ids=str,
)
def test_power_loss(life: Life, folder: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell) -> None:
    """After a cut the file is whole; "full" has every answered call, "fast" all but the last of them."""
    monkeypatch.setattr(sqlite, "_CHECKPOINT_ROWS", {life.durability: life.rows, "fast": life.rows})
    lost: list[int] = []
    late = answered = 0
    full = life.durability == "full"
    for url, entries in lives(folder, life):
        with closing(opened(url, "fast")) as store:
            gone, came = check(store, entries, may_lose=not full)
        sound(url)
        lost.append(gone)
        late += came
        answered = sum(entry.answer is not None for entry in entries)
        usable(url, entries[-1].call if full and entries and entries[-1].in_flight else None)
    assert not (full and any(lost))
    cut = sum(gone > 0 for gone in lost)
    tell(
        f"power loss, SQLite, {life}; half dropped, half torn",
        len(lost),
        f"none corrupt; {cut} lost something of up to {answered:,} acknowledged calls"
        + (f", at most the last {max(lost)}" if cut else "")
        + f"; in {late} the call in flight was kept",
    )


def test_a_disk_that_lies_is_found_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same look at a disk that does not sync its log finds lost calls: it can find something."""
    monkeypatch.setattr(sqlite, "_CHECKPOINT_ROWS", {"full": 12, "fast": 12})
    monkeypatch.setattr(Disk, "honest", False)
    found: list[str] = []
    for url, entries in lives(folder, Life("full", 12, "single", 20, 0.02)):
        try:
            with closing(opened(url, "fast")) as store:
                check(store, entries)
            sound(url)
        except (AssertionError, FunnelkitError) as error:
            found.append(str(error))
    assert any("was acknowledged and is lost" in problem for problem in found)


def test_power_loss_while_the_file_is_made(folder: Path, tell: Tell) -> None:
    """A cut at any write of the creation leaves no file or a whole one, and a store can be made there."""
    journal = Journal(folder / "journal")
    cuts = Cuts(folder, 1, journal)
    cuts.chance = 1.0
    store = on_disk(cuts.disk, cuts.live / "crm.db")
    cuts.take()
    store.close()
    there = 0
    for image, _ in cuts.taken:
        there += (image / "crm.db").exists()
        url = f"sqlite:///{image}/crm.db"
        usable(url)
        sound(url)
    assert 0 < there < len(cuts.taken)
    tell("power loss at each write of making a SQLite file", len(cuts.taken), "no file or a whole one")


def migrated(path: Path) -> Any:
    """Bring a file to the newest schema by opening it; return everything in it."""
    with closing(opened(f"sqlite:///{path}", "fast")) as store:
        return readable(store)


def old_file(path: Path, text: Path) -> None:
    """Write a store of an older schema."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text.read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")


@pytest.mark.parametrize("text", OLD, ids=lambda path: path.stem)
def test_power_loss_while_the_schema_is_brought_forward(text: Path, folder: Path, tell: Tell) -> None:
    """A cut at any write of a migration leaves the old schema or the new one; the next open finishes it."""
    old_file(folder / "crm.db", text)
    shutil.copy(folder / "crm.db", folder / "other.db")
    expected = migrated(folder / "other.db")
    cuts = Cuts(folder, 1, Journal(folder / "journal"))
    shutil.move(folder / "crm.db", cuts.live / "crm.db")
    cuts.chance = 1.0
    store = on_disk(cuts.disk, cuts.live / "crm.db")
    cuts.take()
    store.close()
    for image, _ in cuts.taken:
        assert migrated(image / "crm.db") == expected
        sound(f"sqlite:///{image}/crm.db")
    versions = {_version(image / "crm.db") for image, _ in cuts.taken}
    assert versions == {_version(folder / "other.db")}
    fault = f"power loss at each write of a migration from {text.stem}"
    tell(fault, len(cuts.taken), "old schema or new, nothing lost")


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
