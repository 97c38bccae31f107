"""Exports that die before their n-th act on a file, for every n, and are run again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.analytics.histories import Edit, Place, Record, feed

from funnelkit.exporting import export, writing
from funnelkit.exporting.manifest import MANIFEST, read_manifest

ACTS = {"os.rename", "os.remove", "os.mkdir"}
writing._PAGE, writing._CHUNK = 3, 6  # noqa: SLF001 (several chunks of few rows)


def records(number: int) -> Any:
    """Return a database of that many records over two months."""
    lives = []
    for n in range(number):
        t = 150.0 * n
        events = (Place(t, "sales", "new"), Edit(t + 1, "owner", "bob"), Place(t + 99, "sales", "call"))
        lives.append(Record(f"d{n}", t, "ann", ("EUR", 1), "web", "", {"size": n}, events))
    return feed(lives)


def dies(folder: Path, left: int) -> Callable[[str, tuple[Any, ...]], None]:
    """Return an audit hook that ends the process before the n-th act on a file of the folder."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(arguments[1], str) and arguments[1][:1] in "wx"
        if (event in ACTS or writes) and str(arguments[0]).startswith(str(folder)):
            left -= 1
            if left < 0:
                os._exit(9)

    return hook


def killed(database: Any, folder: Path, acts: int) -> bool:
    """Export in a process that dies after some acts; return whether it did."""
    child = os.fork()
    if child == 0:
        sys.addaudithook(dies(folder, acts))
        export(database, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 9


def holds(folder: Path) -> dict[str, bytes]:
    """Return every file of an export, without the one that says when."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def readable(folder: Path) -> bool:
    """Whether there is no manifest yet, or all files of it are there."""
    manifest = read_manifest(folder / MANIFEST)
    return manifest is None or all((folder / path).exists() for path in manifest.paths())


def run(top: Path) -> None:
    """Kill a first run and a second one before every act; print what differs from runs that lived."""
    some, more = records(4), records(7)
    export(some, top / "some")
    export(some, top / "more")
    export(more, top / "more")
    different, counts = [], {"first": 0, "second": 0}
    for name, before, after in (("first", None, some), ("second", some, more)):
        while True:
            folder = top / f"{name}{counts[name]}"
            if before is not None:
                export(before, folder)
            died = killed(after, folder, counts[name])
            whole = readable(folder)
            export(after, folder)
            if not whole or holds(folder) != holds(top / ("some" if after is some else "more")):
                different.append(folder.name)
            if not died:
                break
            counts[name] += 1
    print(json.dumps({**counts, "different": different}))


if __name__ == "__main__":
    run(Path(sys.argv[1]))
