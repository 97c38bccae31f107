"""The SQL of roll-ups: what each kind of sum is made of, told of the tail alone."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from funnelkit.storage.sqlite.rollups.numbers import Kind

__all__ = ["compose", "facts", "lived", "rows"]

_SLOT = re.compile(r"\{(\w+)\}")
_COMMENT = re.compile(r"--.*\n")

_COLUMNS = ", ".join(
    f"m.{name}"
    for name in (
        *("record_id", "seq", "pipeline", "source_pipeline", "source", "target", "direction", "moved_us"),
        *("created_us", "furthest_before", "furthest_after", "owner", "lead_source", "currency", "amount"),
    )
)
_LIFTED = "AND m.furthest_before <> m.furthest_after"


def compose(name: str, /, **slots: str) -> str:
    """Return the text of ``sql/<name>.sql`` with every slot filled."""

    def fill(match: re.Match[str]) -> str:
        return _SLOT.sub(fill, slots[match[1]])

    return _SLOT.sub(fill, _file(name))


@cache
def rows(kind: Kind | None = None, *, edits: bool = True) -> str:
    """Return the tables of a WITH that hold the tail.

    Args:
        kind: What is summed; None is everything.
        edits: Whether it matters who had a record when; else only who has it on the row that counts.
    """
    touching = compose("edited") if edits else ""
    if edits and kind != "holders":  # who was edited before holds nothing new
        touching += " " + compose("edited_before", told=_LIFTED if kind == "lifts" else "")
    return compose("rows", touching=touching, columns=_COLUMNS)


@cache
def facts(kind: Kind) -> str:
    """Return the SELECT of what the tail adds to the sums of a kind."""
    return compose("facts", plain=compose(f"plain/{kind}", columns=_COLUMNS), lived=lived(kind))


@cache
def lived(kind: Kind) -> str:
    """Return the SELECT of what the touched records of the tail add to the sums of a kind."""
    edits = {
        f"edit_of_{name}": compose("edit_of", column=column, field=field)
        for name, column, field in (
            ("currency", "field_value", "value"),
            ("amount", "amount", "value"),
            ("owner", "field_value", "owner"),
        )
    }
    for name in ("owner", "source"):
        edits[f"edits_of_{name}"] = compose("edits_of", field=name)
    return compose(f"lived/{kind}", columns=_COLUMNS, **edits)


@cache
def _file(name: str) -> str:
    text = files("funnelkit.storage.sqlite.rollups").joinpath("sql", f"{name}.sql").read_text("utf-8")
    return _COMMENT.sub("", text).strip()
