"""What a text of a metric may be made of, so that five SQL engines give one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

sqlglot = pytest.importorskip("sqlglot", reason="the lint of SQL texts needs sqlglot")
exp = sqlglot.exp

ALLOWED = {
    "Add", "Alias", "And", "Case", "Coalesce", "Column", "Count", "CTE", "EQ",
    "From", "Group", "GT", "GTE", "Identifier", "If", "Join", "Lag", "Lead",
    "Literal", "LT", "LTE", "Max", "Min", "Mod", "Mul", "NEQ", "Neg",
    "Not", "Nullif", "Or", "Order", "Ordered", "Paren", "Placeholder", "RowNumber", "Select",
    "Star", "Sub", "Subquery", "Sum", "Table", "TableAlias", "Union", "Where", "Window",
    "WindowSpec", "With",
}  # fmt: skip
FRAMED = (exp.Sum, exp.Min, exp.Max, exp.Count)
KEYWORDS = {"at", "order", "end", "offset", "user", "date", "time", "group", "rank", "value", "key"}


def problems(text: str) -> list[str]:
    """Return everything in a text that is outside of the portable subset."""
    tree = sqlglot.parse_one(text, read="sqlite")
    said = [
        f"{type(node).__name__} is not in the subset: {node.sql()[:60]}"
        for node in tree.walk()
        if type(node).__name__ not in ALLOWED
    ]
    said += [f"slot left open: {text[n : n + 20]}" for n, sign in enumerate(text) if sign in "{}"]
    for node in tree.walk():
        said += _of_node(node)
    return said


def _of_node(node: exp.Expression) -> list[str]:
    said = [sentence for kind, wrong, sentence in WRONG if isinstance(node, kind) and wrong(node)]
    return [f"{sentence}: {node.sql()[:60]}" for sentence in said] + (
        _of_join(node) if isinstance(node, exp.Join) else []
    )


WRONG: list[tuple[Any, Callable[[Any], object], str]] = [
    (exp.Union, lambda node: node.args.get("distinct"), "UNION without ALL"),
    (
        exp.Select,
        lambda node: any(node.args.get(part) for part in ("distinct", "limit", "order")),
        "DISTINCT, LIMIT and ORDER BY belong to Python",
    ),
    (exp.Count, lambda node: not isinstance(node.this, exp.Star), "only COUNT(*) counts rows"),
    (exp.Star, lambda node: not isinstance(node.parent, exp.Count), "columns are named, not starred"),
    (
        (exp.Lag, exp.Lead),
        lambda node: not (node.args.get("offset") and node.args.get("default")),
        "LAG and LEAD have three arguments",
    ),
    (
        exp.Window,
        lambda node: isinstance(node.this, FRAMED) and not node.args.get("spec"),
        "a window needs a frame",
    ),
    (exp.WindowSpec, lambda node: node.args.get("kind") != "ROWS", "frames are of ROWS"),
    (exp.Alias, lambda node: node.alias.lower() in KEYWORDS, "a keyword somewhere"),
    (exp.Placeholder, lambda node: not node.this, "parameters have names"),
]
"""Kind of node, what is wrong with it, and how to say so."""


def _of_join(join: exp.Join) -> list[str]:
    if join.args.get("using") or join.side not in ("", "LEFT") or join.kind not in ("", "INNER"):
        return [f"JOIN or LEFT JOIN with ON: {join.sql()}"]
    condition = join.args.get("on")
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    unequal = [part for part in parts if not isinstance(part, exp.EQ)]
    return [f"a join is on equality: {join.sql()}"] if unequal else _bare_columns(join)


def _bare_columns(join: exp.Join) -> list[str]:
    """Columns of a LEFT JOIN are used inside COALESCE or in an ON clause only."""
    select, name = join.parent, join.alias_or_name
    if join.side != "LEFT" or not isinstance(select, exp.Select):
        return []
    return [
        f"{column.sql()} may be missing: use COALESCE"
        for column in select.find_all(exp.Column)
        if column.table == name
        and column.parent_select is select
        and not column.find_ancestor(exp.Coalesce)
        and not column.find_ancestor(exp.Join)
    ]
