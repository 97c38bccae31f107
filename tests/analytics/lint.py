"""What a text of a metric may be made of, so that five SQL engines give one answer."""

from __future__ import annotations

import pytest

sqlglot = pytest.importorskip("sqlglot", reason="the lint of SQL texts needs sqlglot")
exp = sqlglot.exp

ALLOWED = (
    "Add Alias And Case Coalesce Column Count CTE EQ From Group GT GTE Identifier If Join Lag Lead Literal "
    "LT LTE Max Min Mod Mul NEQ Neg Not Nullif Or Order Ordered Paren Placeholder RowNumber Select Star Sub "
    "Subquery Sum Table TableAlias Union Where Window WindowSpec With"
).split()
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
    match node:
        case exp.Union() if node.args.get("distinct"):
            return ["UNION without ALL"]
        case exp.Select() if node.args.get("distinct") or node.args.get("limit") or node.args.get("order"):
            return ["DISTINCT, LIMIT and ORDER BY belong to Python"]
        case exp.Count() if not isinstance(node.this, exp.Star):
            return [f"only COUNT(*) counts rows: {node.sql()}"]
        case exp.Star() if not isinstance(node.parent, exp.Count):
            return ["columns are named, not starred"]
        case exp.Lag() | exp.Lead() if not (node.args.get("offset") and node.args.get("default")):
            return [f"three arguments and a sentinel: {node.sql()}"]
        case exp.Window() if isinstance(node.this, FRAMED) and not node.args.get("spec"):
            return [f"a window needs a frame: {node.sql()}"]
        case exp.WindowSpec() if node.args.get("kind") != "ROWS":
            return [f"frames are of ROWS: {node.sql()}"]
        case exp.Join():
            return _of_join(node)
        case exp.Alias() if node.alias.lower() in KEYWORDS:
            return [f"{node.alias} is a keyword somewhere"]
        case exp.Placeholder() if not node.this:
            return ["parameters have names"]
    return []


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
