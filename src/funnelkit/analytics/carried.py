"""What a row of the ledger carries of its record, and how the indexes over the moves are sorted by it."""

from __future__ import annotations

from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Source

__all__ = ["CELLS", "born", "cells", "filtered", "kept_apart"]

CELLS = {"owner": "owner", "source": "lead_source", "repeat": "repeat_kind", "campaign": "campaign"}
"""What rows can be grouped and filtered by: the name and the column, in the order of the indexes.

Grouping by all columns up to the one that is asked for streams out of an index without sorting; what
comes of it is few rows, which are grouped again.
"""


def cells(scope: Scope) -> str:
    """Return the columns to group ``m`` by, up to the one that is asked for; empty for none."""
    columns = list(CELLS.values())
    until = columns.index(CELLS[scope.column]) + 1 if scope.column else 0
    return "".join(f", m.{column}" for column in columns[:until])


def filtered(scope: Scope) -> str:
    """Return the clause that keeps to what ``m`` is filtered by."""
    return "".join(f" AND m.{CELLS[name]} = :{name}_is" for name in scope.equalities)


def born(scope: Scope, row: str = "m.") -> str:
    """Return the clause that keeps to a period of creation, where there is one."""
    if scope.created == ALWAYS:
        return ""
    return f" AND {row}created_us >= :created_from AND {row}created_us < :created_to"


def kept_apart(source: Source) -> dict[str, str]:
    """Return the clause that says where a source keeps the moves of records that were ever void.

    Where nothing leads to the moves of a record, looking for these few among all takes longer than all else.
    """
    return {"void_move": getattr(source, "void_move", "move")}
