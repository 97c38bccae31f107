"""Programs in processes of their own, that find funnelkit and these tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import funnelkit

__all__ = ["environment", "run", "start"]

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


def run(*arguments: str) -> str:
    """Run Python with these arguments to its end and return what it printed; its failure is the test's."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(), cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
