"""How a new lead or deal comes in: as an inquiry whose client is looked for, or as it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from funnelkit.errors import ConflictError, KeyReusedError
from funnelkit.records import Placed
from funnelkit.storage.base import Kind
from funnelkit.verbs.acts import asked, split
from funnelkit.verbs.creation import born, of_nothing, referred
from funnelkit.verbs.shell import Prepared, Shell

__all__ = ["entered"]

_TRIES = 20
"""So often an inquiry is tried again before it is told that somebody else is always first."""

_ASKING: dict[Kind, frozenset[str]] = {
    "lead": frozenset(("consent", "origin")),
    "deal": frozenset(("consent", "origin", "person", "email", "phone", "company_name")),
}
"""What only an inquiry says: fields that are no fields of the record."""


async def entered(shell: Shell, verb: str, name: str, details: Mapping[str, Any]) -> Placed:
    """Do ``create`` or ``capture``.

    It is an inquiry, whose client is looked for, where its source is one of the engine's, or where
    something is said that only an inquiry says; see `_ASKING`. Else the record is what was given.
    """
    act, fields = split(details)
    said = of_nothing(asked(act))

    async def prepare() -> Prepared:
        own = {**fields, "name": name}
        contact = await referred(shell, "contact", own.pop("contact", ""))
        company = await referred(shell, "company", own.pop("company", ""))
        kind: Kind = "deal" if verb == "create" else "lead"
        sourced = shell.business.sources and own.get("source")
        if sourced or not _ASKING[kind].isdisjoint(own):
            from funnelkit.intake.arrival import arrived  # matching is loaded with the first inquiry

            return await arrived(shell, kind, own, said, contact=contact, company=company)
        record, commit = await born(shell, kind, own, said, verb=verb, contact=contact, company=company)
        return commit, (record,)

    tried = 0
    while True:
        try:
            return cast("Placed", (await shell.once(verb, name, fields, said, prepare))[0])
        except (ConflictError, KeyReusedError) as error:
            # Somebody wrote to the card that the same inquiry has, or made it: it is looked for again.
            from funnelkit.intake.turns import is_turn

            tried += 1
            if tried == _TRIES or (isinstance(error, KeyReusedError) and not is_turn(error.key)):
                raise
