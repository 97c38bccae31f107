"""Files that were torn, cut, zeroed, swapped or flipped: what is found, and by what."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times
from tests.fault.journal import Journal, opened
from tests.fault.world import calls, engine_on, perform

from funnelkit import SQLiteStore
from funnelkit.errors import FunnelkitError, NotAStoreError, StoreError
from funnelkit.testing import readable
from funnelkit.verifying import verify

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a closed store with the moves of a random life; to be copied, not touched."""
    path = tmp_path_factory.mktemp("whole") / "crm.db"
    live(path, 120)
    return path


def live(
    path: Path, number: int, journal: Journal | None = None, *, tag: str = "d", sealed: bool = False
) -> None:
    """Make random calls on a store and close it."""
    with closing(opened(f"sqlite:///{path}", "fast")) as store:
        stream = calls(store, Random(number), tag)
        answer: Any = None
        for _ in range(number):
            call = stream.send(answer)
            if journal is not None:
                journal.asked(call)
            try:
                answer = perform(engine_on(store, sealed=sealed), call)
            except FunnelkitError as error:
                answer = None
                if journal is not None:
                    journal.refused(error)
            else:
                if journal is not None:
                    journal.answered(answer)


NOBODY = "nobody, though it differs in"


def found_by(path: Path, expected: Any) -> str:
    """Return the first look that finds something wrong with a file, or what was not found."""
    look = "opening"
    there: Any = None
    try:
        with closing(SQLiteStore(path, durability="fast")) as store:
            look = "reading"
            there = readable(store)
            look = "integrity check"
            with closing(sqlite3.connect(path)) as connection:
                sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if not sound:
                return look
            look = "verify()"
            if verify(store):
                return look
    except (StoreError, sqlite3.DatabaseError):
        return look
    differs = [
        part
        for part in ("records", "moves", "activities", "attributes", "changes")
        if there[part] != expected[part]
    ]
    return f"{NOBODY} {' and '.join(differs)}" if differs else "no effect"


# -- the whole file or parts of it ------------------------------------------------------------------


def zeroed_header(path: Path) -> None:
    """Overwrite the first hundred bytes with zeros."""
    with path.open("r+b") as file:
        file.write(bytes(100))


def zeroed(path: Path) -> None:
    """Overwrite everything with zeros."""
    path.write_bytes(bytes(path.stat().st_size))


def emptied(path: Path) -> None:
    """Cut everything away."""
    os.truncate(path, 0)


def halved(path: Path) -> None:
    """Cut the second half away, at the end of a page."""
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def clipped(path: Path) -> None:
    """Cut the last page away."""
    os.truncate(path, path.stat().st_size - 4096)


def foreign(path: Path) -> None:
    """Put the database of another program in its place."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE deal (id TEXT PRIMARY KEY)")


def random_bytes(path: Path) -> None:
    """Put noise in its place."""
    path.write_bytes(Random(1).randbytes(path.stat().st_size))


@pytest.mark.parametrize(
    "damage",
    [zeroed_header, zeroed, emptied, halved, clipped, foreign, random_bytes],
    ids=lambda d: d.__name__,
)
def test_a_damaged_file_is_found_when_it_is_opened_or_read(
    damage: Callable[[Path], None], whole: Path, tmp_path: Path, tell: Tell
) -> None:
    """Such damage is a NotAStoreError, at the latest when it is read; the file is left alone."""
    path = tmp_path / "crm.db"
    shutil.copy(whole, path)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(NotAStoreError) as caught, SQLiteStore(path) as store:
        readable(store)
    assert caught.value.store == str(path)
    assert path.read_bytes() == before
    tell("a file that was zeroed, emptied, cut, swapped or is noise", 1, "NotAStoreError, file left alone")


def test_a_zeroed_page(whole: Path, tmp_path: Path, tell: Tell) -> None:
    """Each page in turn is zeroed: it is found by one of the looks."""
    with closing(SQLiteStore(whole)) as store:
        expected = readable(store)
    content = whole.read_bytes()
    found: Counter[str] = Counter()
    path = tmp_path / "crm.db"
    for start in range(0, len(content), 4096):
        path.write_bytes(content[:start] + bytes(4096) + content[start + 4096 :])
        found[found_by(path, expected)] += 1
    assert not any(NOBODY in look for look in found)
    tell("one page zeroed, each in turn; found by", found.total(), told(found))


def told(found: Counter[str]) -> str:
    """Return the counts as a sentence."""
    return ", ".join(f"{what} {count}" for what, count in found.most_common())


@pytest.mark.parametrize("sealed", [False, True], ids=["bare", "sealed"])
def test_a_flipped_bit(sealed: bool, tmp_path: Path, tell: Tell) -> None:
    """One bit is flipped anywhere: only our own errors are raised; a sealed move never changes unnoticed."""
    whole, path = tmp_path / "whole.db", tmp_path / "crm.db"
    live(whole, 120, sealed=sealed)
    with closing(SQLiteStore(whole)) as store:
        expected = readable(store)
    content = bytearray(whole.read_bytes())
    random = Random(1)
    found: Counter[str] = Counter()
    for _ in range(times(400)):
        at, bit = random.randrange(len(content)), 1 << random.randrange(8)
        content[at] ^= bit
        path.write_bytes(content)
        content[at] ^= bit
        found[found_by(path, expected)] += 1
    assert found["verify()"] > 0
    if sealed:
        assert not any(NOBODY in look and "moves" in look for look in found)
    kind = "with seals" if sealed else "without seals"
    tell(f"one bit flipped anywhere in a file {kind}; found by", found.total(), told(found))


# -- the log beside the file ------------------------------------------------------------------------


@pytest.fixture
def live_copy(tmp_path: Path) -> tuple[Path, Path]:
    """Return a copy of an open store, file and log, with the journal of the calls in it."""
    path, journal = tmp_path / "live" / "crm.db", Journal(tmp_path / "journal")
    path.parent.mkdir()
    live(path, 40)
    with closing(opened(f"sqlite:///{path}", "fast")):
        live(path, 60, journal, tag="e")
        shutil.copytree(path.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))
    journal.close()
    return tmp_path / "copy" / "crm.db", journal.path


def test_a_truncated_log_loses_the_last_calls_only(
    live_copy: tuple[Path, Path], tmp_path: Path, tell: Tell
) -> None:
    """Wherever the log ends, what is before the end is there and sound, and nothing of the rest."""
    path, journal = live_copy
    log = path.with_name("crm.db-wal").read_bytes()
    random = Random(1)
    entries = Journal.read(journal)
    for number in range(times(60)):
        cut = tmp_path / f"{number}.db"
        shutil.copy(path, cut)
        cut.with_name(f"{number}.db-wal").write_bytes(log[: random.randrange(len(log))])
        with closing(opened(f"sqlite:///{cut}", "fast")) as store:
            assert verify(store) == ()
            keys = {key for (key,) in store.query("SELECT act_key FROM idempotency", {})}
        there = [entry.call.key in keys for entry in entries if entry.answer is not None]
        assert there == sorted(there, reverse=True)
    tell("a log cut off anywhere", times(60), "a sound store without the last calls")


def test_a_file_copied_without_its_log_is_an_older_store(live_copy: tuple[Path, Path], tell: Tell) -> None:
    """A plain copy of the file alone opens, is sound, and lacks what was in the log: copying is no backup."""
    path, journal = live_copy
    path.with_name("crm.db-wal").unlink()
    with closing(opened(f"sqlite:///{path}", "fast")) as store:
        assert verify(store) == ()
        keys = {key for (key,) in store.query("SELECT act_key FROM idempotency", {})}
    made = {entry.call.key for entry in Journal.read(journal) if entry.answer is not None}
    assert made
    assert not made & keys
    tell(
        "a file copied without its log",
        1,
        f"sound, but all {len(made)} calls in the log are missing: use backup",
    )


def test_file_and_log_copied_together_lose_nothing(live_copy: tuple[Path, Path]) -> None:
    """Copied with its log, while nobody writes, a store has every call."""
    path, journal = live_copy
    with closing(opened(f"sqlite:///{path}", "fast")) as store:
        made = {key for (key,) in store.query("SELECT act_key FROM idempotency", {})}
        asked = {entry.call.key for entry in Journal.read(journal) if entry.answer is not None}
        assert asked <= made
        assert verify(store) == ()
