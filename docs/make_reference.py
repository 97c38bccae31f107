"""Write docs/reference from the docstrings: ``python docs/make_reference.py``.

Every public name has its entry on the page of its area. A test compares the committed pages with
what this script would write, so that they cannot drift.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import funnelkit

REFERENCE = Path(__file__).parent / "reference"
WIDTH = 100


class Area(NamedTuple):
    """One page of the reference: the public names of some modules."""

    page: str
    title: str
    intro: str
    modules: tuple[str, ...]


AREAS = (
    Area("engine", "Engine", "The verbs, and the questions one asks.", ("engine", "decide")),
    Area("pipelines", "Pipelines", "What is defined: pipelines, stages, moves and rules.", ("stages",)),
    Area(
        "records", "Records", "What is kept: leads, deals, the people behind them, the ledger.", ("records",)
    ),
    Area("analytics", "Analytics", "What is measured, and how results read.", ("analytics",)),
    Area("stores", "Stores", "Where records are kept.", ("storage",)),
    Area("changes", "Changes", "What subscribers hear of.", ("changes",)),
    Area(
        "values", "Money, time and ids", "The small values everything is made of.", ("money", "clock", "ids")
    ),
    Area("errors", "Errors", "What can be raised, and when.", ("errors",)),
    Area("testing", "Testing", "For the test suites of applications and of stores.", ("testing",)),
)


def pages() -> dict[str, str]:
    """Return file name → text of every page of the reference."""
    homes = {name: home(name) for name in funnelkit.__all__}
    texts = {}
    for area in AREAS:
        names = [name for name in sorted(homes, key=str.casefold) if belongs(homes[name], area)]
        entries = [entry(name, getattr(funnelkit, name), homes[name]) for name in names]
        entries += [text for module in area.modules if module == "testing" for text in module_entries(module)]
        if entries:
            texts[f"{area.page}.md"] = "\n".join(
                [f"# {area.title}\n\n{area.intro}\n", *about(area), *entries]
            )
    return {"index.md": index(homes), **texts}


def about(area: Area) -> list[str]:
    """Return what a module says of itself, for an area that is one module."""
    if len(area.modules) > 1:
        return []
    module = importlib.import_module(f"funnelkit.{area.modules[0]}")
    return [f"{markdown(inspect.getdoc(module))}\n"]


def belongs(module: str, area: Area) -> bool:
    """Whether a module such as ``"funnelkit.stages.rules"`` is on the page of an area."""
    return module.split(".")[1] in area.modules


def home(name: str) -> str:
    """Return the module that defines a public name: the deepest one whose ``__all__`` lists it."""
    value = getattr(funnelkit, name)
    if isinstance(value, ModuleType):
        return value.__name__
    found = [module.__name__ for module in modules() if name in getattr(module, "__all__", ())]
    return max(found, key=lambda module: module.count("."))


def modules() -> Iterator[ModuleType]:
    """Yield every module of the package but the package itself."""
    for info in pkgutil.walk_packages(funnelkit.__path__, "funnelkit."):
        if info.name != "funnelkit.testing":  # it wants Hypothesis
            yield importlib.import_module(info.name)


def index(homes: dict[str, str]) -> str:
    """Return the page that leads to all others."""
    lines = ["# Reference", "", "Made from the docstrings; everything here is imported from `funnelkit`.", ""]
    for area in AREAS:
        names = [f"`{name}`" for name in sorted(homes, key=str.casefold) if belongs(homes[name], area)]
        if names:
            lines += [f"## [{area.title}]({area.page}.md)", "", f"{area.intro}", "", ", ".join(names), ""]
    return "\n".join(lines)


def entry(name: str, value: Any, module: str) -> str:
    """Return the section of one public name."""
    if isinstance(value, ModuleType):
        members = [entry(f"{name}.{item}", getattr(value, item), module) for item in value.__all__]
        return "\n".join([f"## `{name}`\n\n{markdown(inspect.getdoc(value))}\n", *members])
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


def module_entries(module: str) -> list[str]:
    """Return the sections of a public module that the package does not re-export."""
    try:
        loaded = importlib.import_module(f"funnelkit.{module}")
    except ModuleNotFoundError:
        return []
    return [entry(f"{module}.{name}", getattr(loaded, name), loaded.__name__) for name in loaded.__all__]


def is_error(value: Any) -> bool:
    """Whether a value is an exception class: read about, not called."""
    return inspect.isclass(value) and issubclass(value, Exception)


def public_members(cls: type) -> list[tuple[str, Any]]:
    """Return name and value of the documented methods and properties that a class defines itself."""
    return [
        (key, getattr(cls, key))
        for key, raw in vars(cls).items()
        if not key.startswith("_")
        and (inspect.isfunction(raw) or isinstance(raw, property | classmethod | staticmethod))
        and inspect.getdoc(getattr(cls, key))
    ]


def constant_text(name: str, module: str) -> str:
    """Return the string that stands under the assignment of a constant."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for statement, after in itertools.pairwise(body):
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return inspect.cleandoc(str(after.value.value))
    return ""


def signature(name: str, value: Any) -> list[str]:
    """Return the lines of a fenced signature; none for what is not called."""
    if isinstance(value, property) or getattr(value, "_is_protocol", False) or is_error(value):
        return []
    found = inspect.signature(value)
    tidy = found.replace(
        parameters=[as_written(part) for part in found.parameters.values() if part.name != "self"],
        return_annotation=found.empty if inspect.isclass(value) else verbatim(found.return_annotation),
    )
    glued = re.sub(r"(?<!,) ", "\0", f"{name}{tidy}")  # lines break after commas only
    text = textwrap.fill(glued, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return ["```text", text.replace("\0", " "), "```", ""]


def as_written(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter that prints as in the source; a default that is made or a function prints as …."""
    default = parameter.default
    if default is not parameter.empty and (callable(default) or repr(default) == "NOTHING"):
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
