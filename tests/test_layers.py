"""Who may import whom: the walls of the house, read off the syntax trees."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "funnelkit"

BASE = {"errors", "clock", "ids", "money"}
RECORDS = {"records", "changes"}

WHAT_IS = BASE | RECORDS | {"inputs", "serial", "stages"}
"""What there is, and what may happen to it: no store, no effects."""
PURE_PEOPLE = {
    f"people.{name}"
    for name in (
        *("allowed_select", "apportion", "organisation", "organisation_check", "plan_fact", "scope"),
        *("sharing", "targets"),
    )
}
PURE_CLIENTS = {
    *(f"clients.{name}" for name in ("fields", "matching", "rules", "schemes", "sure")),
    *(f"clients.merging.{name}" for name in ("dependants", "plan", "rules")),
    "clients.converting.plan",
}
BUSINESS = {"intake.source", "people.organisation", "people.sharing"}
"""What an engine is told of the business, as data."""
ENGINES = {"engine", "async_engine"}
"""Below them they are named for a type checker, or inside a function, and nowhere else."""

# A room: the modules of ours that it may import besides its own. A room inside another one has its own
# row, and is none of the other's.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "clock": {"errors"},
    "ids": {"errors", "clock"},
    "money": {"errors"},
    "records": BASE,
    "changes": BASE,
    "inputs": BASE | RECORDS,
    "serial": BASE | RECORDS,
    "progress": {"errors"},
    "sql": set(),
    "keys": BASE | RECORDS | {"serial"},
    "stages": BASE | RECORDS | {"serial"},
    "storage": BASE | RECORDS | {"serial", "progress", "sql"},
    "analytics": BASE | RECORDS | {"inputs", "storage.base", "stages.pipeline", "stages.stage"},
    "gate": BASE | RECORDS | {"stages"},
    "exporting": {"analytics", "errors", "progress", "records", "storage.base", "storage.columns"},
    "verbs": WHAT_IS | {"gate", "keys", "storage.base"} | BUSINESS,
    "verbs.engines": {"errors", "verbs.shell"} | ENGINES,
    "people": WHAT_IS | {"analytics", "people", "sql", "storage", "verbs"} | ENGINES,
    "clients": WHAT_IS | {"clients", "gate", "keys", "progress", "sql", "storage", "verbs"} | ENGINES,
    "intake": WHAT_IS | {"clients", "intake", "keys", "people", "sql", "storage.base", "verbs"},
    "importing": WHAT_IS | {"gate", "progress", "storage.base", "storage.immediate", "verbs"} | ENGINES,
    "tables": (
        WHAT_IS | {"clients", "gate", "importing", "keys", "progress", "sql", "storage", "verbs"} | ENGINES
    ),
    "intake.source": WHAT_IS | {"people.sharing"},
    **dict.fromkeys(PURE_PEOPLE, BASE | RECORDS | {"inputs", "serial", "sql"} | PURE_PEOPLE),
    **dict.fromkeys(PURE_CLIENTS, WHAT_IS | {"gate", "keys", "storage.base"} | PURE_CLIENTS),
}
ROOF = {
    "__init__",
    "engine",
    "async_engine",
    "client_verbs",
    "people.seen_engine",
    "reporting",
    "joining",
    "verifying",
    "testing",
}
"""The engine, the modules that are parts of it, and what stands above: they may import everything."""
THIRD_PARTY = {"attrs", "cattrs"}
"""What may be imported on import of ours; everything else waits inside the function that needs it."""
TEST_TOOLS = {"hypothesis", "pytest"}
"""What ``funnelkit.testing`` may import besides: it is for test suites only."""
CLOCK_READERS = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}


class Import(NamedTuple):
    """One imported module, and whether that waits: inside a function, or for a type checker."""

    module: str
    line: int
    deferred: bool


def imports(tree: ast.AST, package: str, *, deferred: bool = False) -> list[Import]:
    """Return every import of a module; ``package`` is the dotted name that dots stand for."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, deferred) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            names = [f".{alias.name}" for alias in node.names] if module in {"funnelkit", package} else [""]
            found += [Import(module + name, node.lineno, deferred) for name in names]
        else:
            found += imports(node, package, deferred=deferred or waits(node))
    return found


def waits(node: ast.AST) -> bool:
    """Whether what stands in a node does not run when its module is imported."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def room_of(module: str) -> str:
    """Return the room that a module such as ``"clients.rules"`` is in: the innermost that has a row."""
    parts = module.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS or name in ROOF), parts[0])


def may_import_ours(room: str, target: str) -> bool:
    """Whether code in ``room`` may import ``funnelkit.<target>``."""
    if room in ROOF or room_of(target) == room:
        return True
    return any(target == allowed or target.startswith(f"{allowed}.") for allowed in ROOMS.get(room, ()))


def problem_of(module: str, found: Import) -> str | None:
    """Say what is wrong with one import in ``module`` (dotted, without ``funnelkit.``), or None."""
    top, _, rest = found.module.partition(".")
    room = room_of(module)
    if top == "funnelkit":
        early = not found.deferred and rest in ENGINES and room not in ROOF
        ok = may_import_ours(room, rest) and not early
        return None if ok else f"{room} may not import {rest or 'funnelkit'}"
    if top == "statemachine":
        ok = module == "stages.chart" and found.deferred
        return None if ok else "statemachine belongs inside the functions of stages/chart.py"
    if top == "sqlite3":
        return None if room == "storage" else "sqlite3 belongs in storage"
    if top in {"psycopg", "psycopg_pool"} and module.startswith("storage.postgres."):
        return None  # a room that is entered only when a store of PostgreSQL is opened
    at_hand = THIRD_PARTY | (TEST_TOOLS if room == "testing" else set())
    if top in sys.stdlib_module_names or top in at_hand or found.deferred:
        return None
    return f"{top} belongs inside the function that needs it"


def clock_readings(tree: ast.AST) -> list[tuple[int, str]]:
    """Return line and text of everything that reads the machine's clock."""
    return [
        (node.lineno, ast.unparse(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (ast.unparse(node.value).split(".")[-1], node.attr) in CLOCK_READERS
    ]


def problems(module: str, text: str) -> list[str]:
    """Return every broken wall in the source of a module such as ``"stages.chart"``."""
    tree = ast.parse(text)
    package = f"funnelkit.{module}".rpartition(".")[0]
    said = [(found.line, problem_of(module, found)) for found in imports(tree, package)]
    if module != "clock":
        said += [(line, f"{call} reads a clock outside clock.py") for line, call in clock_readings(tree)]
    return [f"{module}:{line}: {problem}" for line, problem in said if problem]


def module_name(path: Path) -> str:
    """Return ``"stages.chart"`` for ``…/funnelkit/stages/chart.py``; a package ends in ``__init__``."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_keeps_to_its_layer(module: str) -> None:
    """A module imports only what lies below it, and only clock.py reads the clock."""
    assert problems(module, MODULES[module].read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("errors", "from funnelkit.clock import aware"),
        ("records", "from funnelkit.stages import Stage"),
        ("records", "from funnelkit import Engine"),
        ("records", "import funnelkit"),
        ("records", "from . import engine"),
        ("stages.rules", "from funnelkit.storage.memory import MemoryStore"),
        ("stages.rules", "from ..storage import memory"),
        ("stages.rules", "if TYPE_CHECKING:\n    from funnelkit.engine import Engine"),
        ("storage.sqlite", "def open():\n    from funnelkit.stages import Stage"),
        ("storage.memory", "import funnelkit.analytics.funnel"),
        ("analytics.funnel", "from funnelkit.storage.sqlite import SQLiteStore"),
        ("analytics.funnel", "from funnelkit.storage import SQLiteStore"),
        ("analytics.funnel", "from funnelkit.engine import Engine"),
        ("gate.decide", "from funnelkit.storage.base import Store"),
        ("keys.policy", "from funnelkit.clients.rules import MatchRule"),
        ("keys.policy", "from funnelkit.storage.base import Kind"),
        ("sql", "from funnelkit.errors import InputError"),
        ("progress", "from funnelkit.verbs.shell import Shell"),
        ("verbs.shell", "from funnelkit.clients.finding import known_by"),
        ("verbs.shell", "def keys():\n    from funnelkit.clients import rules"),
        ("verbs.shell", "if TYPE_CHECKING:\n    from funnelkit.clients.schemes import Scheme"),
        ("verbs.creation", "from funnelkit.intake.arrival import arrived"),
        ("verbs.creation", "from funnelkit import intake"),
        ("verbs.asking", "from funnelkit.people.assigning import claim"),
        ("verbs.asking", "from funnelkit.tables.known import Known"),
        ("verbs.asking", "def engine():\n    from funnelkit.verbs.engines import shell_of"),
        ("verbs.shell", "def engine():\n    from funnelkit.engine import Engine"),
        ("verbs.engines", "from funnelkit.engine import Engine"),
        ("verbs.engines", "from funnelkit.clients.finding import known_by"),
        ("clients.fields", "from funnelkit.verbs.drafts import FIELDS"),
        ("clients.rules", "from funnelkit.verbs.shell import Shell"),
        ("clients.matching", "if TYPE_CHECKING:\n    from funnelkit.verbs.shell import Shell"),
        ("clients.matching", "from funnelkit.clients.finding import known_by"),
        ("clients.sure", "from ..verbs import shell"),
        ("clients.schemes", "from funnelkit.engine import Engine"),
        ("clients.schemes", "from funnelkit.intake.source import Source"),
        ("clients.converting.plan", "from funnelkit.clients.converting.planning import plan_conversion"),
        ("clients.merging.rules", "from funnelkit.clients.merging.writing import drawn"),
        ("clients.merging.plan", "from funnelkit.verbs.amending import REMOVED"),
        ("clients.winback", "from funnelkit.engine import Engine"),
        ("clients.finding", "from funnelkit.people.assigning import due"),
        ("clients.finding", "from funnelkit.intake.same_inquiry import same_card"),
        ("clients.finding", "from funnelkit.client_verbs import ClientVerbs"),
        ("intake.source", "from funnelkit.verbs.shell import Shell"),
        ("intake.arrival", "from funnelkit.tables.known import Known"),
        ("intake.arrival", "if TYPE_CHECKING:\n    from funnelkit.engine import Engine"),
        ("people.sharing", "from funnelkit.people.assigning import due"),
        ("people.organisation", "from funnelkit.verbs.shell import Shell"),
        ("people.assigning", "from funnelkit.clients.finding import the_client"),
        ("people.assigning", "from funnelkit.intake.source import Source"),
        ("people.handovers", "from funnelkit.engine import Engine"),
        ("tables.known", "from funnelkit.people.assigning import due"),
        ("tables.known", "from funnelkit.intake.arrival import arrived"),
        ("tables.whole", "from funnelkit.engine import Engine"),
        ("importing.run", "from funnelkit.tables.known import Known"),
        ("importing.run", "from funnelkit.clients.finding import known_by"),
        ("stages.chart", "from statemachine import StateMachine"),
        ("stages.table", "def build():\n    import statemachine"),
        ("engine", "import sqlite3"),
        ("unheard_of", "from funnelkit.records import Deal"),
        ("analytics.result", "import pandas"),
        ("analytics.result", "if sys.platform:\n    import pandas"),
        ("engine", "class Engine:\n    import numpy.linalg"),
        ("engine", "import hypothesis"),
        ("engine", "when = datetime.now(UTC)"),
        ("engine", "import datetime\nwhen = datetime.datetime.utcnow()"),
        ("storage.sqlite", "stamp = time.time()"),
        ("records", "attrs.field(factory=datetime.now)"),
    ],
)
def test_a_broken_wall_is_seen(module: str, text: str) -> None:
    """Each of these breaks one wall and is reported once."""
    assert len(problems(module, text)) == 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("clock", "now = datetime.now(UTC)"),
        ("stages.chart", "def build():\n    from statemachine import StateMachine"),
        ("stages.rules", "from funnelkit.stages.stage import Stage"),
        ("stages.rules", "from . import stage"),
        ("storage.sqlite", "import sqlite3"),
        ("analytics.result", "def to_pandas(rows):\n    import pandas"),
        ("analytics.result", "if TYPE_CHECKING:\n    import pandas"),
        ("analytics.funnel", "from funnelkit.storage.base import Store"),
        ("testing.strategies", "import hypothesis.strategies as st"),
        ("engine", "from funnelkit.storage.sqlite import SQLiteStore"),
        ("verbs.shell", "def keys():\n    from funnelkit.keys.policy import keys_of"),
        ("verbs.business", "if TYPE_CHECKING:\n    from funnelkit.intake.source import Source"),
        ("verbs.engines", "def engine():\n    from funnelkit.engine import Engine"),
        ("clients.matching", "from funnelkit.clients.rules import MatchRule"),
        ("clients.finding", "from funnelkit.clients.matching import candidates"),
        ("clients.winback", "from funnelkit.verbs.engines import shell_of"),
        ("clients.winback", "if TYPE_CHECKING:\n    from funnelkit.engine import Engine"),
        ("intake.arrival", "from funnelkit.people.assigning import due"),
        ("people.seen_engine", "from funnelkit.engine import Engine"),
        ("tables.known", "from funnelkit.clients.sure import SURE"),
        ("records", "import attrs, datetime, collections.abc"),
        ("engine", "now = self.clock.now()"),
    ],
)
def test_an_open_door_is_left_alone(module: str, text: str) -> None:
    """None of these breaks a wall."""
    assert problems(module, text) == []
