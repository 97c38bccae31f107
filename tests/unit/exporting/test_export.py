"""Exports: what is in the files is what is in the store, however often and however badly it was written."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.analytics.histories import Edit, Place, Record, feed

from funnelkit import Engine, FrozenClock, MemoryStore, Pipeline, Stage
from funnelkit.errors import InputError, MissingExtraError, NotAStoreError
from funnelkit.exporting import export, writing
from funnelkit.exporting.layout import TABLES
from funnelkit.exporting.manifest import DRAFT, MANIFEST, read_manifest

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra for Parquet is not installed")
import pyarrow as arrow  # noqa: E402

SALES = Pipeline("sales", [Stage("new"), Stage("offer", probability=0.4)])


def lived(deals: int = 5) -> Engine:
    """Return an engine whose deals moved over some months."""
    clock = FrozenClock(datetime(2026, 1, 20, tzinfo=UTC))
    engine = Engine(SALES, clock=clock)
    for number in range(deals):
        deal = engine.create(f"Deal {number}", owner="ann", custom={"size": number})
        clock.tick("9d")
        deal = engine.advance(deal)
        if number % 2:
            engine.win(deal)
    return engine


def rows_of_files(folder: Path, table: str) -> list[tuple[Any, ...]]:
    """Return the rows that the manifest lists, in the order of their first column."""
    manifest = read_manifest(folder / MANIFEST)
    assert manifest is not None
    files = [parquet.ParquetFile(folder / part.path).read() for part in manifest.of(table)]
    rows = arrow.concat_tables(files).to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=lambda row: row[0])


def rows_of_store(store: Any, table: str) -> list[tuple[Any, ...]]:
    """Return the rows of the store, likewise."""
    rows = store.query(f"SELECT {', '.join(TABLES[table])} FROM {table}", {})
    return sorted((tuple(row) for row in rows), key=lambda row: row[0])


def check_equal(folder: Path, store: Any) -> None:
    """Fail unless the export holds what the store holds, and no file besides."""
    manifest = read_manifest(folder / MANIFEST)
    assert manifest is not None
    for table in TABLES:
        assert rows_of_files(folder, table) == rows_of_store(store, table)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == manifest.paths() | {MANIFEST}


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_an_export_holds_every_row_of_the_store(tmp_path: Path) -> None:
    """Every column of every row is in the files of its table, and text stays text."""
    engine = lived()
    print(export(engine.store, tmp_path))
    check_equal(tmp_path, engine.store)


def test_moves_lie_in_a_folder_a_month(tmp_path: Path) -> None:
    """The months of the folders are those of the moves, in UTC."""
    export(lived().store, tmp_path)
    months = {path.parent.name for path in (tmp_path / "move").rglob("0*.parquet")}
    assert months == {"month=2026-01", "month=2026-02", "month=2026-03"}


def test_a_second_run_writes_what_is_new(tmp_path: Path) -> None:
    """Nothing new, nothing written; a new deal brings its move, and the records as they are now."""
    engine = lived()
    export(engine.store, tmp_path)
    before = content(tmp_path)
    assert export(engine.store, tmp_path).written == {}
    assert content(tmp_path) == before
    engine.create("One more")
    export(engine.store, tmp_path)
    check_equal(tmp_path, engine.store)


def test_full_files_are_never_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With chunks of four rows, the next run leaves all whole chunks alone."""
    monkeypatch.setattr(writing, "_PAGE", 2)
    monkeypatch.setattr(writing, "_CHUNK", 4)
    engine = lived()
    export(engine.store, tmp_path)
    whole = {name: text for name, text in content(tmp_path).items() if name.endswith("-4.parquet")}
    engine.create("One more")
    report = export(engine.store, tmp_path)
    assert report.written["move"] <= 4
    assert whole.items() <= content(tmp_path).items()
    check_equal(tmp_path, engine.store)


def test_what_was_edited_is_exported_again(tmp_path: Path) -> None:
    """A record that changes without a move is as it is now after the next run."""
    engine = lived()
    export(engine.store, tmp_path)
    first = engine.find("deal")[0]
    engine.edit(first, probability=0.9)
    assert export(engine.store, tmp_path).written == {"deal": 5}
    check_equal(tmp_path, engine.store)


def placed(n: int) -> Record:
    """Return a record that moved twice."""
    events = (Place(n, "sales", "new"), Edit(n + 0.5, "owner", "bob"), Place(n + 1, "sales", "call"))
    return Record(f"d{n}", n, "ann", ("EUR", 1), "web", "", {}, events)


def test_rows_that_appear_late_are_found(tmp_path: Path) -> None:
    """Where writers are many, a row may appear behind later ones: the next run brings it in."""
    database = feed([placed(n) for n in range(6)])
    late = database.connection.execute("SELECT * FROM move WHERE position = 3").fetchone()
    database.connection.execute("DELETE FROM move WHERE position = 3")
    export(database, tmp_path)  # type: ignore[arg-type]
    database.connection.execute(f"INSERT INTO move VALUES ({', '.join('?' * len(late))})", late)
    assert export(database, tmp_path).written["move"] == 12  # type: ignore[arg-type]
    check_equal(tmp_path, database)


def test_an_export_of_another_store_is_not_touched(tmp_path: Path) -> None:
    """The first move tells stores apart."""
    export(lived().store, tmp_path)
    before = content(tmp_path)
    with pytest.raises(InputError, match="is the export of another store"):
        export(lived().store, tmp_path)
    assert content(tmp_path) == before


def test_an_older_copy_of_the_store_is_noticed(tmp_path: Path) -> None:
    """An export that holds moves which the store does not is not brought up to date."""
    database = feed([placed(n) for n in range(6)])
    export(database, tmp_path)  # type: ignore[arg-type]
    database.connection.execute("DELETE FROM move WHERE position = 3")
    with pytest.raises(InputError, match="holds rows of move that the store does not"):
        export(database, tmp_path)  # type: ignore[arg-type]


def test_an_empty_store_is_exported(tmp_path: Path) -> None:
    """Every table is there, with its columns and no rows; later rows come in."""
    store = MemoryStore()
    assert str(export(store, tmp_path)) == f"{tmp_path}: wrote nothing; holds nothing"
    check_equal(tmp_path, store)
    Engine(SALES, store=store).create("Acme")
    export(store, tmp_path)
    check_equal(tmp_path, store)


def test_progress_ends_where_it_said(tmp_path: Path) -> None:
    """Rows done only grow, and in the end they are all of them."""
    told: list[tuple[int, int]] = []
    export(lived().store, tmp_path, progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1] == told[0][1]


@pytest.mark.parametrize("store", [None, "sqlite:///crm.db", MemoryStore, lived()])
def test_only_stores_are_exported(store: Any, tmp_path: Path) -> None:
    """Anything else is refused before a file is made."""
    with pytest.raises(InputError, match="is no store to export"):
        export(store, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the place of the folder is an error of the path."""
    (tmp_path / "taken").write_text("mine", "utf-8")
    with pytest.raises(InputError, match="path: cannot be written"):
        export(lived().store, tmp_path / "taken")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', '{"format": 9}'])
def test_a_damaged_manifest_is_not_touched(text: str, tmp_path: Path) -> None:
    """What is no manifest of ours stays as it is."""
    (tmp_path / MANIFEST).write_text(text, "utf-8")
    with pytest.raises(NotAStoreError):
        export(lived().store, tmp_path)
    assert content(tmp_path) == {MANIFEST: text.encode()}


def test_the_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow the error says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"funnelkit\[parquet\]"):
        export(MemoryStore(), tmp_path)


@pytest.mark.fault
def test_killed_anywhere_and_run_again_it_is_one_clean_run(tmp_path: Path, root: Path) -> None:
    """A process that dies before any single act on a file leaves what the next run makes whole."""
    script = Path(__file__).parent / "killed.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["first"] > 20
    assert report["second"] > 10
    assert report["different"] == []


def test_a_draft_is_no_export(tmp_path: Path) -> None:
    """After a whole run there is a manifest and no draft."""
    export(lived().store, tmp_path)
    assert not (tmp_path / DRAFT).exists()
