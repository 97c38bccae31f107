"""Files that appear whole or not at all, never over another, and outlive a power cut."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from funnelkit.errors import InputError, shown

__all__ = ["file_path", "identity_of", "placed"]

_BESIDE = ("", "-wal", "-shm", "-journal")


def file_path(path: str | os.PathLike[str]) -> Path:
    """Return where a file is, whatever the current folder is later.

    Raises:
        InputError: No file can have this path.
    """
    try:
        name = os.fsdecode(path)
        os.fsencode(name)
    except (TypeError, UnicodeEncodeError):
        name = ""
    if not name or "\0" in name or ":memory:" in name:
        raise InputError("path", f"{shown(path)} is not a file", "use MemoryStore() to keep nothing")
    return Path(name).absolute()


def identity_of(path: str) -> tuple[int, int] | None:
    """Return what tells a file from another that takes its name later; None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 (a third of the time of Path.stat; asked at every commit)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Lend an empty file in the same folder; what it holds at the end is then found at ``path``.

    After an error, or a crash before the end, there is nothing at ``path``.

    Raises:
        FileExistsError: Something is there; it was not touched.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))  # less what the umask takes away
    try:
        yield draft
        _sync(draft, os.O_RDWR)
        _link(draft, path)
    finally:
        for suffix in _BESIDE:
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _sync(path.parent, os.O_RDONLY)


def _link(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: hold the name, then take it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        try:
            draft.replace(path)
        except OSError:
            path.unlink()
            raise


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        with suppress(PermissionError):  # some file systems cannot do it to a folder
            os.fsync(handle)
    finally:
        os.close(handle)
