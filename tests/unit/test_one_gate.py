"""X3: there is one way to change a stage: a request through the gate, and one commit behind it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import funnelkit
from funnelkit import Actor, Deal, Engine
from funnelkit.gate.decide import decide
from funnelkit.gate.request import Facts, Request
from funnelkit.storage.base import Store
from funnelkit.testing import readable
from funnelkit.testing.samples import AT

SOURCE = Path(funnelkit.__file__).parent
WRITES = {
    "capture",
    "create",
    "create_contact",
    "create_company",
    "convert",
    "advance",
    "move",
    "win",
    "lose",
    "void",
    "reopen",
    "transfer",
    "assign",
    "edit",
    "log",
    "bulk",
    "migrate",
}
"""The verbs."""
READS: dict[str, Callable[[Engine, Deal], Any]] = {
    "store": lambda engine, _: engine.store,
    "pipelines": lambda engine, _: engine.pipelines,
    "can": lambda engine, deal: [engine.can(deal, verb, "visit") for verb in ("move", "win", "lose", "log")],
    "next": lambda engine, deal: engine.next(deal),
    "get": lambda engine, deal: engine.get(deal.id),
    "find": lambda engine, _: engine.find("deal", outcome="open"),
    "history": lambda engine, deal: engine.history(deal),
    "activities": lambda engine, deal: engine.activities(deal),
    "changes": lambda engine, _: engine.changes(),
    "subscribe": lambda engine, _: engine.subscribe(print),
    "verify": lambda engine, _: engine.verify(),
    "analytics": lambda engine, _: engine.analytics,
    "funnel": lambda engine, _: engine.funnel("care"),
    "plan_migration": lambda engine, _: engine.plan_migration("care", {}),
}
"""Everything else that an engine has, and how it is used."""


def public(of: type) -> set[str]:
    """Return the public names of a class."""
    return {name for name in vars(of) if not name.startswith("_")}


def calls(tree: ast.AST) -> list[str]:
    """Return the text of everything that is called."""
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module of the package."""
    return {
        path.relative_to(SOURCE).with_suffix("").as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def test_every_public_name_of_an_engine_is_a_verb_or_reads() -> None:
    """A new method must be put on one of the two lists, and is then tested as such.

    ``using`` gives an engine with the same verbs.
    """
    assert public(Engine) - {"close", "using"} == WRITES | READS.keys()


@pytest.mark.parametrize("name", READS)
def test_what_is_no_verb_writes_nothing(engine: Engine, name: str) -> None:
    """After reading in every way the store is as it was."""
    deal = engine.create("Repair", pipeline="care")
    before = readable(engine.store)
    READS[name](engine, deal)
    assert readable(engine.store) == before


def test_a_store_has_one_method_that_writes() -> None:
    """The port is this list; all but ``commit`` and ``close`` read."""
    reads = {
        "get",
        "get_many",
        "find",
        "moves",
        "activities",
        "attributes",
        "changes",
        "answer",
        "definitions",
        "query",
    }
    assert public(Store) == reads | {"commit", "close", "capabilities"}


def test_a_query_changes_no_stage(engine: Engine) -> None:
    """SQL through the store reads, whatever it says."""
    deal = engine.create("Repair", pipeline="care")
    before = readable(engine.store)
    for sql in (
        "UPDATE deal SET stage = 'bill'",
        "DELETE FROM move",
        "WITH x AS (SELECT 1) UPDATE deal SET stage = ''",
    ):
        with pytest.raises(funnelkit.errors.InputError):
            engine.store.query(sql, {})
    assert readable(engine.store) == before
    assert engine.get(deal.id).stage == "ticket"  # type: ignore[union-attr]


def test_one_function_commits_to_the_store() -> None:
    """``store.commit`` is called by the shell, in one place; a store may hand a commit on to another."""
    found = [
        (name, call)
        for name, tree in modules().items()
        for call in calls(tree)
        if call.endswith("store.commit") and not name.startswith(("storage/", "testing"))
    ]
    assert found == [("verbs/shell", "self.store.commit")]


def test_rows_of_the_ledger_are_made_in_one_module() -> None:
    """A `Move` is made by the ledger, which the gate calls; and by the stores that read one back."""
    makers = {
        name for name, tree in modules().items() if "Move" in calls(tree) and not name.startswith("testing")
    }
    assert makers == {"gate/ledger", "storage/rows"}


def test_the_gate_is_asked_wherever_the_ledger_is_written() -> None:
    """``ledger.moved``, ``created`` and ``transferred`` are called by the gate alone."""
    makers = {"moved", "created", "transferred"}
    callers = {
        name
        for name, tree in modules().items()
        for call in calls(tree)
        if call.removeprefix("ledger.") in makers and call != "created"
    }
    assert callers == {"gate/decide"}


PURE = (
    "gate/decide",
    "gate/ledger",
    "gate/refusals",
    "gate/request",
    "gate/seal",
    "records",
    "changes",
    "stages/table",
    "stages/rules",
    "stages/stock",
    "stages/inject",
)
IMPURE = {
    "random",
    "secrets",
    "time",
    "os",
    "io",
    "sys",
    "pathlib",
    "socket",
    "sqlite3",
    "threading",
    "logging",
    "uuid",
    "tempfile",
    "subprocess",
    "urllib",
}


@pytest.mark.parametrize("module", PURE)
def test_the_gate_is_pure(module: str) -> None:
    """No clock, no randomness, no input or output is at hand where it is decided."""
    tree = modules()[module]
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported & IMPURE == set()
    assert imported <= sys.stdlib_module_names | {"attrs", "funnelkit"}
    assert not {"open", "print", "input", "globals"} & set(calls(tree))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global | ast.Nonlocal)]


def test_the_gate_answers_the_same_twice(engine: Engine) -> None:
    """The same pipeline, record, request and facts: an equal decision, and nothing changed."""
    deal = engine.create("Repair", pipeline="care")
    request = Request(verb="move", actor=Actor("sam"), at=AT.replace(year=2027), target="visit")
    first = decide(engine.pipelines["care"], deal, request, Facts())
    assert decide(engine.pipelines["care"], deal, request, Facts()) == first
    assert engine.get(deal.id) == deal


def test_records_cannot_be_changed_in_place(engine: Engine) -> None:
    """Assigning to any field of a record or a row is an error."""
    deal = engine.create("Repair", pipeline="care")
    for value in (deal, engine.history(deal)[0], engine.changes()[0]):
        for name in inspect.signature(type(value)).parameters:
            with pytest.raises(AttributeError):
                setattr(value, name, None)
