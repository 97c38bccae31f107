"""Questions that change nothing: what could be done next, and what the gate would say to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.inputs import text
from funnelkit.records import OUTCOMES, Lead, Placed, Record
from funnelkit.serial import did_you_mean
from funnelkit.stages import Refusal, Verdict
from funnelkit.stages.rules import VERBS
from funnelkit.storage.base import KIND_OF, Kind
from funnelkit.verbs.acts import Asked, asked
from funnelkit.verbs.finding import in_a_pipeline
from funnelkit.verbs.shell import Shell

__all__ = ["Option", "columns", "found", "options", "taken", "verdict"]

_ASKABLE = ("advance", *(verb for verb in VERBS if verb not in {"create", "capture"}))
"""The verbs that are done to a record that is there."""


@attrs.frozen(kw_only=True)
class Option:
    """One thing that could be done next: a button, enabled when its verdict is true.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")], moves="ordered"))
    >>> for option in engine.next(engine.create("Acme")):
    ...     print(option)
    move to offer allowed
    win allowed
    lose allowed
    void allowed
    """

    verb: str
    target: str
    verdict: Verdict

    def __str__(self) -> str:
        return str(self.verdict)


async def verdict(shell: Shell, ref: Record | str, verb: str, to: str, act: Mapping[str, Any]) -> Verdict:
    """Return what the gate would say to a verb."""
    said = asked(act)
    record = in_a_pipeline(await shell.current(ref, said.expect))
    if verb == "claim":
        return await _claim(shell, record, said)
    if verb not in _ASKABLE:
        raise InputError("verb", f"{shown(verb)} is not a verb", did_you_mean(verb, _ASKABLE))
    return await _verdict(shell, record, verb, to, said)


async def _claim(shell: Shell, record: Placed, said: Asked) -> Verdict:
    """Return whether the actor could take a record: nobody else has it, and the gate lets it be assigned."""
    organisation = shell.business.organisation
    if organisation.people:
        organisation.person(said.actor.id)  # nobody else can take anything
    if record.owner == said.actor.id:
        return Verdict("claim")
    refusals = taken(shell, record)
    return Verdict(
        "claim", refusals or (await _verdict(shell, record, "assign", said.actor.id, said)).refusals
    )


def taken(shell: Shell, record: Placed) -> tuple[Refusal, ...]:
    """Return why a record cannot be claimed by anybody else: somebody has it.

    Who is nobody of the organisation any more has nothing: what they held is free.
    """
    organisation = shell.business.organisation
    gone = bool(organisation.people) and record.owner not in organisation.ids
    if not record.owner or gone:
        return ()
    return (Refusal("taken", f"{record.owner} has it", fix="ask them, or have it assigned"),)


async def options(shell: Shell, ref: Record | str, act: Mapping[str, Any]) -> tuple[Option, ...]:
    """Return everything that could be done to a record next, each with its verdict."""
    said = asked(act)
    record = in_a_pipeline(await shell.current(ref, said.expect))
    found = [
        Option(verb=verb, target=target, verdict=await _verdict(shell, record, verb, target, said))
        for verb, target in _ways(shell, record)
    ]
    return tuple(found)


async def _verdict(shell: Shell, record: Placed, verb: str, to: str, said: Asked) -> Verdict:
    what: dict[str, Any] = {}
    if verb == "move":
        what = {"target": text(to, "to")}
    elif verb == "transfer":
        what = shell.destination(to, None)
    elif verb == "assign":
        what = {"owner": text(to, "to")}
    return (await shell.decision(record, shell.request(verb, record, said, **what))).verdict


def _ways(shell: Shell, record: Placed) -> list[tuple[str, str]]:
    """Return (verb, target) of everything that leads away from where a record is."""
    if record.close is not None:
        return [("reopen", "")]
    table = shell.pipeline(record.pipeline).table
    words = table.words(record.place) or ("lost", "void")  # a stage that is gone can be given up
    closing = {"won": "convert" if isinstance(record, Lead) else "win", "lost": "lose", "void": "void"}
    stages = [word for word in table.stages if word in words]
    named = [word for word in words if word not in table.position and word not in closing]
    ends = [(closing[word], "") for word in words if word in closing]
    return [("move", word) for word in (*stages, *named)] + ends


_LINKS: tuple[Kind, ...] = ("contact", "company", "lead", "deal")


async def found(
    shell: Shell, kind: Kind, where: Mapping[str, Record | str], *, after: str, limit: int
) -> list[Record]:
    """Return records whose fields equal ``where``; who was merged leads to who stands for them.

    Args:
        shell: Where to read.
        kind: The kind of records.
        where: Field → value; of a field that holds an id, the record will do.
        after: The id to go on behind.
        limit: The largest number of records to return.
    """
    asked_for: dict[str, Any] = {**where}
    for link in _LINKS:
        if link not in asked_for:
            continue
        value = asked_for[link]
        if type(value) in KIND_OF:
            if KIND_OF[type(value)] != link:
                raise InputError(link, f"{shown(value)} is no {link}", f"give a {link}, or its id")
            value = value.id
        if isinstance(value, str) and value and (known := await shell.store.get_many(link, [value])):
            value = (await shell.standing(known[value])).id
        asked_for[link] = value
    return await shell.store.find(kind, columns(kind, asked_for), after=after, limit=limit)


_COLUMN_OF = {"source": "lead_source", "repeat": "repeat_kind"}


def columns(kind: str, where: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of a store that fields to find by are kept in.

    Contacts and companies that were merged into others are not found, unless ``replaced_by`` is asked for.
    """
    if isinstance(kind, str) and kind in {"contact", "company"}:
        where = {"replaced_by": "", **where}
    named = {_COLUMN_OF.get(name, name): value for name, value in where.items()}
    if (outcome := named.get("outcome")) == "open":
        named["outcome"] = ""
    elif outcome not in (None, *OUTCOMES):
        known = ("open", *OUTCOMES)
        raise InputError("outcome", f"{shown(outcome)} is no outcome", did_you_mean(outcome, known))
    return named
