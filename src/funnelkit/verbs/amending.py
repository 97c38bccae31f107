"""New values for fields of a record that a verb touches by the way, through the gate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from funnelkit.errors import RefusedError
from funnelkit.records import FrozenMapping, Placed, Record
from funnelkit.verbs.acts import Asked
from funnelkit.verbs.shell import Shell

__all__ = ["REMOVED", "edit_of", "let_through", "nested"]

REMOVED: Final = object()
"""Instead of a value of a custom field: it shall be there no more. None is a value like others."""


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with the custom ones in a mapping, as a record has them.

    >>> nested({"name": "Ada", "custom.size": 40})
    {'name': 'Ada', 'custom': {'size': 40}}
    """
    plain = {field: value for field, value in fields.items() if not field.startswith("custom.")}
    custom = {field.partition(".")[2]: value for field, value in fields.items() if field not in plain}
    return {**plain, "custom": custom} if custom else plain


def edit_of(record: Record, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an edit of these fields sets: the custom ones among all that the record has."""
    edit = nested(fields)
    if "custom" in edit:
        custom = {**record.custom, **edit["custom"]}
        edit["custom"] = FrozenMapping(
            {name: value for name, value in custom.items() if value is not REMOVED}
        )
    return edit


async def let_through(
    shell: Shell, record: Placed, fields: Mapping[str, Any], said: Asked, *, at: datetime, cause: str
) -> tuple[Placed, str]:
    """Return a lead or deal with new fields, one version on, and the codes of the rules overruled.

    Args:
        shell: Where to read.
        record: As it is. It is returned itself where nothing is new.
        fields: Field → value, ``"custom.<name>"`` of a custom one; `REMOVED` takes that away.
        said: The common arguments.
        at: The instant it counts from; not before the record's latest act.
        cause: Through what it comes, for the rules.

    Raises:
        RefusedError: A rule on ``edit`` refuses, or on ``assign`` where the owner is new.
    """
    edit = edit_of(record, fields)
    owner = edit.pop("owner", None)
    wanted: list[tuple[str, dict[str, Any]]] = [("edit", {"edits": edit})] if edit else []
    wanted += [("assign", {"owner": owner})] if owner is not None else []
    after = record
    codes: list[str] = []
    for verb, what in wanted:
        request = attrs.evolve(shell.request(verb, None, said, cause=cause, **what), at=at)
        decision = await shell.decision(after, request)
        if decision.record is None:
            raise RefusedError(record.id, decision.verdict)
        after = decision.record
        codes += [refusal.code for refusal in decision.overruled]
    if after is not record:
        after = attrs.evolve(after, version=record.version + 1)
    return after, ",".join(codes)
