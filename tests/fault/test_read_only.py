"""A file, a folder or a file system that may only be read: our own error, nothing touched, then it works."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.fault.conftest import Tell
from tests.fault.running import run
from tests.fault.world import engine_on

from funnelkit import SQLiteStore
from funnelkit.errors import FunnelkitError

pytestmark = pytest.mark.fault

NOBODY = 65_534
TRY = """
import os, sys
from tests.fault.test_read_only import rehearse, tried
rehearse()  # loads all the code there is: nobody may not read it
print(*tried(sys.argv[1], int(sys.argv[2])))
"""


def tried(path: str, user: int) -> list[str]:
    """Return what opening a store, reading it and a verb come to for a user: "done", or the error's name."""
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    said: list[str] = []
    try:
        with closing(SQLiteStore(path, durability="fast")) as store:
            said.append("done")
            assert store.get("deal", "d1").name == "Acme"
            said.append("done")
            engine_on(store).advance("d1")
            said.append("done")
    except FunnelkitError as error:
        said.append(type(error).__name__)
    return said


def rehearse() -> None:
    """Do the same where all is well."""
    with TemporaryDirectory() as place:
        path = Path(place, "crm.db")
        filled(path)
        tried(str(path), 0)


def filled(path: Path) -> None:
    """Make a store with one deal in it."""
    with closing(SQLiteStore(path, durability="fast")) as store:
        engine_on(store).create("Acme", id="d1", pipeline="care")


def command(*words: str) -> None:
    """Run a command of the system; skip the test where it is not there or not allowed."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]} command")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(words[:2])} is not allowed here: {done.stderr.strip()}")


@contextmanager
def file_without_permission(path: Path) -> Iterator[None]:
    """Let everybody read the file only."""
    path.chmod(0o444)
    path.parent.chmod(0o777)
    yield
    path.chmod(0o644)
    path.parent.chmod(0o755)


@contextmanager
def folder_without_permission(path: Path) -> Iterator[None]:
    """Let nobody make files beside it."""
    path.chmod(0o666)
    path.parent.chmod(0o555)
    yield
    path.chmod(0o644)
    path.parent.chmod(0o755)


@contextmanager
def read_only_file_system(path: Path) -> Iterator[None]:
    """Mount the folder once more, to be read only."""
    folder = str(path.parent)
    command("mount", "--bind", folder, folder)
    try:
        command("mount", "-o", "remount,ro,bind", folder)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


@contextmanager
def immutable_file(path: Path) -> Iterator[None]:
    """Mark the file as immutable, which binds the superuser too."""
    command("chattr", "+i", str(path))
    yield
    subprocess.run(["chattr", "-i", str(path)], check=True)  # noqa: S607


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder within one that every user may enter, as those of pytest are not."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can become another user, mount, and mark files")
    with TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place, "folder")
        folder.mkdir()
        yield folder


Fault = Callable[[Path], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("fault", "user", "expected"),
    [
        (file_without_permission, NOBODY, ["done", "done", "StoreReadOnlyError"]),
        (folder_without_permission, NOBODY, ["StoreReadOnlyError"]),
        (read_only_file_system, 0, ["StoreUnavailableError"]),
        (immutable_file, 0, ["done", "done", "StoreReadOnlyError"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_may_only_be_read(
    fault: Fault, user: int, expected: list[str], folder: Path, tell: Tell
) -> None:
    """What can be read is read; the rest is an error of ours; no byte changes; afterwards all works."""
    path = folder / "crm.db"
    filled(path)
    before = path.read_bytes()
    with fault(path):
        said = run("-c", TRY, str(path), str(user)).split()
    assert said == expected
    assert path.read_bytes() == before
    assert tried(str(path), 0) == ["done", "done", "done"]
    words = f"{', '.join(said)}; no byte changed; works afterwards"
    tell(f"{fault.__name__.replace('_', ' ')}: opening, reading, writing", 1, words)
