"""The worked adapter of the how-to: it keeps the contract, and survives what it says it survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from tests.contract.test_migrations import CARE, FIXTURES, plain, without_new_fields

from funnelkit import Engine, Pipeline, Stage, Store, commit_from_json, commit_to_json
from funnelkit.errors import (
    ConflictError,
    InputError,
    NotAStoreError,
    StoreBusyError,
    StoreFullError,
    StoreUnavailableError,
)
from funnelkit.storage import Commit, Write
from funnelkit.storage.base import MatchKey
from funnelkit.testing import StoreContract, readable
from funnelkit.testing.in_use import around, write_everything
from funnelkit.testing.samples import TEXTS, a_deal, filled, new

pytest.importorskip("fcntl", reason="the example locks its file as Unix does")

from examples.json_lines_store import JsonLinesStore

ROOT = Path(__file__).parents[2]
SALES = Pipeline("sales", [Stage("new"), Stage("offer"), Stage("contract")])


class TestJsonLinesStore(StoreContract):
    """`JsonLinesStore` keeps the contract."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        """Give each test a folder."""
        self.paths = (tmp_path / f"crm{number}.jsonl" for number in range(1_000))

    def make_store(self) -> Store:
        """Return a new, empty store."""
        return JsonLinesStore(next(self.paths))

    def reopen(self, store: Store) -> Store:
        """Open the file again."""
        return JsonLinesStore(cast("Any", store).path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a store with two deals is, one of them moved."""
    path = tmp_path / "crm.jsonl"
    with Engine(SALES, store=JsonLinesStore(path)) as engine:
        engine.advance(engine.create("Acme"))
        engine.create("Bolt")
    return path


def state(path: Path) -> dict[str, Any]:
    """Return everything in a file."""
    store = JsonLinesStore(path)
    try:
        return readable(store)
    finally:
        store.close()


def test_a_torn_line_is_cut_wherever_it_is_torn(path: Path) -> None:
    """A file that ends in the middle of its last line is what it was before that commit, and goes on."""
    before, start = state(path), path.stat().st_size
    store = JsonLinesStore(path)
    store.commit(Commit(definitions={"0f": ("Продажи", "{}")}))
    store.close()
    whole = path.read_bytes()
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        JsonLinesStore(path).close()
        assert path.read_bytes() == whole[:start], end
    path.write_bytes(whole[:-1])
    assert state(path) == before
    path.write_bytes(whole)
    assert state(path) != before
    path.write_bytes(whole[:-1])
    with Engine(SALES, store=JsonLinesStore(path)) as engine:
        assert engine.create("Coda").name == "Coda"
        assert engine.verify() == ()
    assert len(state(path)["records"]) == 3


@pytest.mark.parametrize("end", [b"\0" * 100 + b"\n", b"\xff\n", b"{}}\n", b"[]\n", b'{"moves":[{}]}\n'])
def test_what_is_no_line_is_cut_at_the_end(path: Path, end: bytes) -> None:
    """Whatever a power cut leaves in the place of the last line is cut."""
    before, whole = state(path), path.read_bytes()
    path.write_bytes(whole + end)
    assert state(path) == before
    assert path.read_bytes() == whole


def test_a_damaged_line_in_the_middle_is_said(path: Path) -> None:
    """A line that cannot be read, with others behind it, is damage: it is named, and nothing is cut."""
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join([lines[0], b"#" + lines[1], *lines[2:]])
    path.write_bytes(damaged)
    with pytest.raises(NotAStoreError, match="line 2 is damaged"):
        JsonLinesStore(path)
    assert path.read_bytes() == damaged


def test_a_refused_line_is_refused_again(path: Path) -> None:
    """A commit that was refused, its line left behind by a crash, is refused on opening and cut."""
    before, whole = state(path), path.read_bytes()
    id = min(id for kind, id in before["records"] if kind == "deal")
    path.write_bytes(
        whole + commit_to_json(Commit(writes=(Write(a_deal(id, version=9), 8),))).encode() + b"\n"
    )
    assert state(path) == before
    assert path.read_bytes() == whole


def test_one_at_a_time(path: Path) -> None:
    """A file that is open here is busy for everybody else, until it is closed."""
    store = JsonLinesStore(path)
    with pytest.raises(StoreBusyError, match="is in use"):
        JsonLinesStore(path)
    code = f"from examples.json_lines_store import JsonLinesStore; JsonLinesStore({str(path)!r})"
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "StoreBusyError" in other.stderr
    store.close()
    JsonLinesStore(path).close()


def test_a_full_disk_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the commit is not there, is not there later, and the store goes on."""

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    whole = path.read_bytes()
    with Engine(SALES, store=JsonLinesStore(path)) as engine:
        before = readable(engine.store)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(StoreFullError, match="No space left"):
                engine.create("Coda")
        assert readable(engine.store) == before
        assert path.read_bytes() == whole
        engine.create("Dune")
    assert len(state(path)["records"]) == 3


def test_a_line_that_is_cut_short_is_taken_back(path: Path) -> None:
    """A write that the system does only in part is an error, and the part is taken back."""
    code = """if True:
        import resource, signal, sys
        from examples.json_lines_store import JsonLinesStore
        from funnelkit.errors import StoreFullError
        from funnelkit.testing.samples import a_deal, new
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = JsonLinesStore(sys.argv[1])
        size = store.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
        try:
            store.commit(new(a_deal()))
        except StoreFullError:
            print(store.path.stat().st_size == size)
    """
    run = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


WORK = """if True:
    import sys
    from examples.json_lines_store import JsonLinesStore
    from funnelkit import Engine, Pipeline, Stage
    engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]), store=JsonLinesStore(sys.argv[1]))
    while True:
        deal = engine.create("Acme")
        print(deal.id, 1, flush=True)
        print(deal.id, engine.advance(deal).version, flush=True)
"""


def test_what_returned_survives_a_kill(tmp_path: Path) -> None:
    """Killed again and again in the middle of its work, it has every move that was ever acknowledged."""
    path = tmp_path / "crm.jsonl"
    acknowledged: dict[str, int] = {}
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WORK, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(3 + 7 * number):
                id, version = process.stdout.readline().split()
                acknowledged[id] = int(version)
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                id, version = line.split()
                acknowledged[id] = int(version)
        with Engine(SALES, store=JsonLinesStore(path)) as engine:
            deals = {deal.id: deal.version for deal in engine.find("deal", limit=100_000)}
            assert {id: deals.get(id, 0) >= version for id, version in acknowledged.items()} == dict.fromkeys(
                acknowledged, True
            )
            assert engine.verify() == ()
    assert len(acknowledged) > 50


def test_where_it_cannot_be(tmp_path: Path) -> None:
    """A folder that is not there is said in the words of the system."""
    with pytest.raises(StoreUnavailableError, match="No such file or directory"):
        JsonLinesStore(tmp_path / "nowhere" / "crm.jsonl")


# Commits as JSON


def test_a_commit_is_the_same_after_json() -> None:
    """Whatever a commit holds, its JSON is one line of ASCII that gives it back."""
    commits: list[Commit] = [Commit(), around(Commit())]
    write_everything(commits.append)
    for commit in (*commits, *(new(*filled(text)) for text in (*TEXTS, "\u2028\x85\x1c\ud800"))):
        line = commit_to_json(commit)
        assert line.isascii()
        assert len(line.splitlines()) == 1
        assert commit_from_json(line) == commit_from_json(line.encode()) == commit


def test_a_column_that_was_not_there_yet_is_blank() -> None:
    """A line of an earlier version, which lacks a column, is read with that column blank."""
    document = json.loads(commit_to_json(new(a_deal(seal="0f"))))
    del document["writes"][0]["record"]["seal"]
    assert commit_from_json(json.dumps(document)) == new(a_deal(seal=""))


def test_a_journal_of_before_is_read_as_before(tmp_path: Path) -> None:
    """What earlier code wrote line by line is what it read then; new columns are blank; it goes on."""
    path = Path(shutil.copy(FIXTURES / "journal_2.jsonl", tmp_path / "crm.jsonl"))
    before = json.loads((FIXTURES / "schema_2.json").read_text("utf-8"))
    with Engine(CARE, store=JsonLinesStore(path)) as engine:
        now = readable(engine.store, tuple(before["answers"]))
        assert without_new_fields(plain({part: now[part] for part in before}), before) == before
        assert engine.win("deal-3").version == 3
        assert engine.verify() == ()


def test_a_key_in_a_line_names_its_columns() -> None:
    """Keys to find duplicates by are rows of their table, as everything else is."""
    commit = Commit(keys=(MatchKey(key="name:ann", kind="contact", record="c1"),))
    line = '{"keys":[{"match_key":"name:ann","kind":"contact","record_id":"c1"}]}'
    assert commit_to_json(commit) == line
    assert commit_from_json(line) == commit


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "7", '{"writes":[{}]}', '{"moves":[7]}', '{"changes":[{}]}', '{"keys":[7]}', b"\xff"],
)
def test_what_is_no_commit_is_said(text: str | bytes) -> None:
    """Other text is an InputError."""
    with pytest.raises(InputError, match="is not a commit"):
        commit_from_json(text)


def test_a_refused_commit_leaves_no_line(path: Path) -> None:
    """A conflict leaves the file as it was."""
    store = JsonLinesStore(path)
    whole = path.read_bytes()
    with pytest.raises(ConflictError):
        store.commit(Commit(writes=(Write(a_deal("nobody", version=2), 1),)))
    assert path.read_bytes() == whole
    store.close()


def test_the_how_to_shows_the_example() -> None:
    """The store of the how-to is that of the example, word for word."""
    page = (ROOT / "docs" / "howto" / "write-a-store.md").read_text("utf-8")
    block = next(block for block in page.split("```") if "class JsonLinesStore" in block)
    shown = block[block.index("class JsonLinesStore") :].strip()
    assert shown in (ROOT / "examples" / "json_lines_store.py").read_text("utf-8")
