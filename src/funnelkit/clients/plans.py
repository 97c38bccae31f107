"""What `Engine.apply` and `Engine.undo` take: a plan or a result of either kind, handed to its own module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from funnelkit.clients.converting import Conversion, ConversionPlan, apply_conversion, undo_conversion
from funnelkit.clients.merging import Merge, MergePlan, apply_merge, undo_merge
from funnelkit.errors import InputError, NotFoundError, RefusedError, shown
from funnelkit.stages import Refusal, Verdict
from funnelkit.verbs.shell import Shell

__all__ = ["applied", "undone"]

_JOURNAL = "SELECT kind, record_id FROM activity WHERE id = :id"


async def applied(shell: Shell, plan: Any, act: Mapping[str, Any]) -> Any:
    """Do ``apply`` for a plan of whatever kind."""
    if isinstance(plan, ConversionPlan):
        return await apply_conversion(shell, plan, act)
    if isinstance(plan, MergePlan):
        return await apply_merge(shell, plan, act)
    raise InputError("plan", f"{shown(plan)} is no plan", "give what plan_conversion or plan_merge returned")


async def undone(shell: Shell, done: Any, act: Mapping[str, Any]) -> Any:
    """Do ``undo`` for a result of whatever kind, or its id."""
    id = done.id if isinstance(done, Conversion | Merge) else done
    if not isinstance(id, str):
        raise InputError("done", f"{shown(done)} is nothing to undo", "give what apply returned, or its id")
    found = await shell.store.query(_JOURNAL, {"id": id})
    if not found:
        raise NotFoundError("conversion or merge", id)
    kind, record = found[0]
    if kind == "conversion":
        return await undo_conversion(shell, id, act)
    if kind == "merge":
        return await undo_merge(shell, id, act)
    if kind == "undo":
        refusal = Refusal("undone", "an undo is not undone", fix="convert or merge anew")
        raise RefusedError(record, Verdict("undo", (refusal,)))
    raise InputError("done", f"{id} is of the kind {kind!r}, which is not undone", "give what apply returned")
