"""The file of bad rows takes the place of nothing but a file of bad rows."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Engine
from funnelkit.errors import InputError
from funnelkit.tables import import_table, read_table
from funnelkit.tables.mapping import TableMapping

COMPANIES = TableMapping(kind="company", key="id", fields={"name": "name"})
TABLE = "id,name\n1,Acme\n2,\n"
GOOD = "id,name\n1,Acme\n"
HEADER = "id,name,bad: line,bad: column,bad: reason\r\n"


def _open(path: Path) -> Any:
    return path.open("rb")


def _symbolic(path: Path, other: Path) -> Path:
    other.symlink_to(path)
    return other


def _hard(path: Path, other: Path) -> Path:
    os.link(path, other)
    return other


def _roundabout(path: Path, _other: Path) -> Path:
    return path.parent / "folder" / ".." / path.name


@pytest.mark.parametrize("way", [lambda path, _: path, _symbolic, _hard, _roundabout])
@pytest.mark.parametrize("opened", [str, _open, read_table])
def test_the_table_itself_is_not_written_over(
    way: Callable[[Path, Path], Path], opened: Callable[[Path], Any], tmp_path: Path
) -> None:
    """By whatever name bad_rows means the file that is imported, that is refused, and nothing happens."""
    path, engine = tmp_path / "in.csv", Engine()
    (tmp_path / "folder").mkdir()
    path.write_text(TABLE)
    bad = way(path, tmp_path / "bad.csv")
    source = opened(path)
    with pytest.raises(InputError, match="is the file that is imported"):
        import_table(engine, source, COMPANIES, bad_rows=bad)
    if hasattr(source, "close"):
        source.close()
    assert path.read_text() == TABLE
    assert engine.find("company") == []


@pytest.mark.parametrize("table", [TABLE, GOOD])
def test_another_file_is_not_written_over(table: str, tmp_path: Path) -> None:
    """A file without the three columns of bad rows is somebody's: it is refused and stays."""
    path, engine = tmp_path / "bad.csv", Engine()
    path.write_text("precious")
    with pytest.raises(InputError, match="is there and is no file of bad rows"):
        import_table(engine, io.BytesIO(table.encode()), COMPANIES, bad_rows=path)
    assert path.read_text() == "precious"
    assert engine.find("company") == []


def test_a_folder_is_no_place_for_bad_rows(tmp_path: Path) -> None:
    """A folder is refused before anything is written."""
    with pytest.raises(InputError, match="is no file of bad rows"):
        import_table(Engine(), io.BytesIO(TABLE.encode()), COMPANIES, bad_rows=tmp_path)


def test_no_bad_row_leaves_no_file(tmp_path: Path) -> None:
    """Where nothing is bad nothing is written."""
    import_table(Engine(), io.BytesIO(GOOD.encode()), COMPANIES, bad_rows=tmp_path / "bad.csv")
    assert list(tmp_path.iterdir()) == []


def test_no_bad_row_removes_the_file_of_before(tmp_path: Path) -> None:
    """A file of bad rows of an earlier run does not stay as if it were of this one."""
    path, engine = tmp_path / "bad.csv", Engine()
    import_table(engine, io.BytesIO(TABLE.encode()), COMPANIES, bad_rows=path)
    assert path.exists()
    import_table(engine, io.BytesIO(GOOD.encode()), COMPANIES, bad_rows=path)
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_before_is_replaced(tmp_path: Path) -> None:
    """Bad rows take the place of those of an earlier run."""
    path, engine = tmp_path / "bad.csv", Engine()
    for name in ("7", "8"):
        import_table(engine, io.BytesIO(f"id,name\n{name},\n".encode()), COMPANIES, bad_rows=path)
    assert path.read_bytes().decode("utf-8-sig") == HEADER + "8,,2,name,name: empty\r\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_import_that_fails_leaves_the_file_of_before(tmp_path: Path) -> None:
    """Nothing is half written, and no draft is left behind."""

    def fails(done: int, _total: int) -> None:
        if done:
            raise RuntimeError

    path, engine = tmp_path / "bad.csv", Engine()
    import_table(engine, io.BytesIO(TABLE.encode()), COMPANIES, bad_rows=path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        import_table(engine, io.BytesIO(GOOD.encode()), COMPANIES, bad_rows=path, progress=fails)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
