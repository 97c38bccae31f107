"""The long ledger that reports are measured on says nothing that the engine would not have written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from funnelkit import Engine
from funnelkit.storage.sqlite import SQLiteStore

pytest.importorskip("numpy", reason="the generator of the long ledger needs numpy")


def test_the_ledger_that_is_measured_verifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fact of its rows follows from the bare moves; they come back, are handed over, void, reopened."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1] / "bench"), *sys.path])
    import ledger

    moves = ledger.made(tmp_path / "ledger", 300, witnesses=True)
    with Engine(ledger.LEDGER, store=SQLiteStore(tmp_path / "ledger")) as engine:
        assert engine.verify() == ()
        seen = engine.store.query("SELECT DISTINCT direction FROM move", {})
        assert {name for (name,) in seen} == {"create", "forward", "skip", "back", "close", "reopen"}
        assert 9 * 300 < moves < 13 * 300
