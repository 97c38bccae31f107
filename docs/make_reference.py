"""Write docs/reference from the docstrings: ``python docs/make_reference.py``.

Every public name has its entry on the page of its area. A test compares the committed pages with
what this script would write, so that they cannot drift.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import itertools
import pkgutil
import re
import textwrap
import typing
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import funnelkit

REFERENCE = Path(__file__).parent / "reference"
WIDTH = 100
LONGEST = 60  # characters of a default


class Area(NamedTuple):
    """One page of the reference.

    Attributes:
        modules: The names of `funnelkit` that are defined in these are on the page.
        opened: Modules that are public themselves; their own names are on the page, too.
    """

    page: str
    title: str
    intro: str
    modules: tuple[str, ...]
    opened: tuple[str, ...] = ()


AREAS = (
    Area(
        "engine",
        "Engine",
        "The verbs, and the questions one asks.",
        ("engine", "async_engine", "client_verbs", "verbs", "verifying"),
    ),
    Area(
        "clients",
        "Clients",
        "Who is who: keys, matching, merging, schemes of conversion; where inquiries come from.",
        ("clients", "intake", "keys"),
        ("clients", "clients.schemes", "clients.merging", "intake"),
    ),
    Area(
        "people",
        "People",
        "Who works here, who sees what, who gets the next one, and what is to be reached.",
        ("people",),
        ("people",),
    ),
    Area(
        "tables",
        "Tables",
        "Files of rows, in and out.",
        ("tables",),
        ("tables", "tables.bitrix24_rest"),
    ),
    Area("importing", "Importing", "Histories that another system kept.", ("importing",)),
    Area(
        "pipelines",
        "Pipelines",
        "What is defined: pipelines, stages, moves and rules.",
        ("stages",),
        ("stages.templates",),
    ),
    Area("records", "Records", "What is kept: leads, deals, who they are with, the ledger.", ("records",)),
    Area("analytics", "Analytics", "What is measured, and how results read.", ("analytics",), ("analytics",)),
    Area(
        "exporting",
        "Exporting",
        "The ledger as Parquet, for engines of big data.",
        ("exporting",),
        ("exporting",),
    ),
    Area("stores", "Stores", "Where records are kept.", ("storage",), ("storage",)),
    Area("changes", "Changes", "What subscribers hear of.", (), ("changes",)),
    Area(
        "values", "Money, time and ids", "The small values everything is made of.", ("money", "clock", "ids")
    ),
    Area("errors", "Errors", "What can be raised, and when.", (), ("errors",)),
    Area("testing", "Testing", "For the tests of applications and of stores.", (), ("testing",)),
)


class Entry(NamedTuple):
    """One public thing: what it is called, what it is, and the module that defines it."""

    name: str
    value: Any
    module: str


def pages() -> dict[str, str]:
    """Return file name → text of every page of the reference."""
    entries = {area.page: entries_of(area) for area in AREAS}
    texts = {
        f"{area.page}.md": "\n".join(
            [f"# {area.title}\n\n{about(area)}\n", *map(section, entries[area.page])]
        )
        for area in AREAS
    }
    return {"index.md": index(entries), **texts}


def about(area: Area) -> str:
    """Return how a page begins: with what its module says of itself, if it is about one module."""
    return area.intro if area.modules else markdown(inspect.getdoc(load(*area.opened)))


def entries_of(area: Area) -> list[Entry]:
    """Return what is on a page: names of the package, then other names of its opened modules."""
    names = [name for name in funnelkit.__all__ if not isinstance(getattr(funnelkit, name), ModuleType)]
    found = [Entry(name, getattr(funnelkit, name), home(name)) for name in names]
    own = [entry for entry in found if entry.module.split(".")[1] in area.modules]
    for module in area.opened:
        called = module.rpartition(".")[2]
        own += [
            Entry(f"{called}.{name}", getattr(load(module), name), f"funnelkit.{module}")
            for name in load(module).__all__
            if name not in names
        ]
    return sorted(own, key=lambda entry: ("." in entry.name, entry.name.casefold()))


def load(module: str) -> ModuleType:
    """Import a module of the package."""
    return importlib.import_module(f"funnelkit.{module}")


def home(name: str) -> str:
    """Return the module that defines a public name: the deepest one whose ``__all__`` lists it."""
    found = [
        module.__name__
        for module in modules()
        if name in getattr(module, "__all__", ()) and getattr(module, name) is getattr(funnelkit, name)
    ]
    return max(found, key=lambda module: module.count("."))


@functools.cache
def modules() -> list[ModuleType]:
    """Return every module of the package but the package itself, and but those whose driver is absent."""
    found = []
    for module in pkgutil.walk_packages(funnelkit.__path__, "funnelkit."):
        try:
            found.append(importlib.import_module(module.name))
        except ModuleNotFoundError as error:
            if error.name not in {"psycopg", "psycopg_pool"}:
                raise
    return found


def index(entries: dict[str, list[Entry]]) -> str:
    """Return the page that leads to all others."""
    lines = [
        "# Reference",
        "",
        "Made from the docstrings. Names without a dot are imported from `funnelkit`.",
        "",
    ]
    for area in AREAS:
        names = ", ".join(f"`{entry.name}`" for entry in entries[area.page])
        lines += [f"## [{area.title}]({area.page}.md)", "", area.intro, "", names, ""]
    return "\n".join(lines)


def section(entry: Entry) -> str:
    """Return the section of one public name."""
    name, value, module = entry
    if not callable(value):
        return f"## `{name}`\n\n{markdown(constant_text(name, module))}\n"
    lines = [f"## `{name}`", "", *signature(name, value), markdown(inspect.getdoc(value)), ""]
    if inspect.isclass(value) and not is_error(value):
        for key, member in public_members(value):
            lines += [
                f"### `{name}.{key}`",
                "",
                *signature(key, member),
                markdown(inspect.getdoc(member)),
                "",
            ]
    return "\n".join(lines)


def is_error(value: Any) -> bool:
    """Whether a value is an exception class: read about, not called."""
    return inspect.isclass(value) and issubclass(value, Exception)


def public_members(cls: type) -> list[tuple[str, Any]]:
    """Return name and value of the documented methods and properties of a class.

    What it has of a base without a section of its own is among them; what any store does is told at `Store`.
    """
    bases = [base for base in cls.__mro__[1:] if base.__module__.startswith("funnelkit.")]
    inherited = [key for base in bases if base not in classes() for key in vars(base)]
    told = [key for key in inherited if not key.startswith("test_") and not hasattr(funnelkit.Store, key)]
    members = {key: inspect.getattr_static(cls, key) for key in (*vars(cls), *told)}
    return [
        (key, getattr(cls, key))
        for key, raw in members.items()
        if not key.startswith("_")
        and (inspect.isfunction(raw) or isinstance(raw, property | classmethod | staticmethod))
        and inspect.getdoc(getattr(cls, key))
    ]


@functools.cache
def classes() -> set[type]:
    """Return every class that has a section of its own."""
    entries = itertools.chain.from_iterable(map(entries_of, AREAS))
    return {entry.value for entry in entries if inspect.isclass(entry.value)}


def constant_text(name: str, module: str) -> str:
    """Return the string that stands under the assignment of a constant."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for statement, after in itertools.pairwise(body):
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        named = any(
            isinstance(target, ast.Name) and target.id == name.rpartition(".")[2] for target in targets
        )
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return inspect.cleandoc(str(after.value.value))
    return ""


def signature(name: str, value: Any) -> list[str]:
    """Return the lines of a fenced signature; none for what is not called."""
    if isinstance(value, property) or getattr(value, "_is_protocol", False) or is_error(value):
        return []
    if inspect.isclass(value) and isinstance(vars(value).get("open"), staticmethod):  # it makes one
        return []
    found = keyword_signature(value) if typing.is_typeddict(value) else inspect.signature(value)
    tidy = found.replace(
        parameters=[as_written(part) for part in found.parameters.values() if part.name != "self"],
        return_annotation=found.empty if inspect.isclass(value) else verbatim(found.return_annotation),
    )
    glued = re.sub(r"(?<!,) ", "\0", f"{name}{tidy}")  # lines break after commas only
    text = textwrap.fill(glued, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return ["```text", text.replace("\0", " "), "```", ""]


def keyword_signature(value: Any) -> inspect.Signature:
    """Return the keywords of a TypedDict as a signature."""
    return inspect.Signature(
        [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=reference.__forward_arg__)
            for key, reference in value.__annotations__.items()
        ]
    )


def as_written(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter that prints as in the source; a default that is no plain value prints as …."""
    default = parameter.default
    made = callable(default) or isinstance(default, frozenset) or len(repr(default)) > LONGEST
    if default is not parameter.empty and (made or repr(default) == "NOTHING"):
        default = Verbatim("…")
    return parameter.replace(annotation=verbatim(parameter.annotation), default=default)


class Verbatim(str):
    """Text that prints without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def verbatim(annotation: Any) -> Any:
    """Return an annotation that prints without quotes."""
    return Verbatim(annotation) if isinstance(annotation, str) else annotation


def markdown(docstring: str | None) -> str:
    """Return a docstring as Markdown: sections become lists, examples become code."""
    lines: list[str] = []
    for block in re.split(r"\n\s*\n", docstring or ""):
        head, _, rest = block.partition("\n")
        if re.fullmatch(r"(Args|Attributes|Raises|Returns|Yields):", head):
            lines += [f"**{head[:-1]}**", "", section_text(head, inspect.cleandoc("\n" + rest)), ""]
        elif block.lstrip().startswith(">>>"):
            lines += ["```pycon", inspect.cleandoc(block), "```", ""]
        else:
            lines += [block, ""]
    return "\n".join(lines).rstrip()


def section_text(head: str, body: str) -> str:
    """Return the body of a section: a paragraph for what is returned, else a list of names."""
    if head in {"Returns:", "Yields:"}:
        return body
    items = re.split(r"\n(?=\S)", body)
    return "\n".join(re.sub(r"^([\w, .*]+): ", r"- `\1`: ", re.sub(r"\n\s+", " ", item)) for item in items)


def main() -> None:
    """Write all pages, and remove those that are no longer made."""
    REFERENCE.mkdir(exist_ok=True)
    made = pages()
    for stale in set(REFERENCE.glob("*.md")) - {REFERENCE / name for name in made}:
        stale.unlink()
    for name, text in made.items():
        (REFERENCE / name).write_text(text.rstrip() + "\n", "utf-8")
        print(f"wrote reference/{name}")


if __name__ == "__main__":
    main()
