"""Programs in processes of their own, that find funnelkit and these tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import funnelkit

__all__ = ["at_once", "environment", "run", "start"]

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return the environment in which this very funnelkit and these tests are imported."""
    paths = [str(Path(funnelkit.__file__).parents[1]), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start Python with these arguments; what it writes and reads are pipes."""
    pipe = subprocess.PIPE
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, env=environment(), cwd=ROOT, text=True, stdin=pipe, stdout=pipe)


def at_once(module: str, arguments: list[dict[str, Any]]) -> list[Any]:
    """Run a module in as many processes as there are arguments; return what each printed, as JSON."""
    running = [start("-m", module, json.dumps(each)) for each in arguments]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running)
    return [json.loads(each) for each in printed]


def run(*arguments: str) -> str:
    """Run Python with these arguments to its end and return what it printed; its failure is the test's."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(), cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
