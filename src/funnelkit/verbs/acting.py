"""Verbs that are done to a record that is there: from place to place, or in place."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from funnelkit.errors import RefusedError
from funnelkit.gate.decide import amended
from funnelkit.gate.refusals import merged
from funnelkit.gate.request import Decision
from funnelkit.records import Deal, Lead, Record
from funnelkit.stages import Verdict
from funnelkit.verbs.acts import Asked, asked
from funnelkit.verbs.finding import id_of, in_a_pipeline
from funnelkit.verbs.recording import recorded
from funnelkit.verbs.shell import P, Prepared, R, Shell

__all__ = ["amend", "amending", "move"]


async def move(shell: Shell, verb: str, ref: R | str, act: Mapping[str, Any], **what: Any) -> R:
    """Do a verb that takes a lead or deal from place to place; return the new record."""
    said = asked(act)
    record: R
    if said.key:
        prepare = partial(_moved, shell, verb, ref, said, what)
        record = (await shell.once(verb, id_of(ref), what, said, prepare))[0]
        return record
    commit, (record,) = await _moved(shell, verb, ref, said, what)
    if commit is not None:
        await shell.commit(commit)
    return record


async def _moved(
    shell: Shell, verb: str, ref: Record | str, said: Asked, what: Mapping[str, Any]
) -> Prepared:
    record = await shell.current(ref, said.expect)
    if not isinstance(record, Deal):
        record = in_a_pipeline(record)
    request = shell.request(verb, record, said, **what)
    decision = await shell.decision(record, request)
    if decision.record is None:
        raise RefusedError(record.id, decision.verdict)
    return recorded(record, decision, request), (decision.record,)


async def amend(
    shell: Shell, verb: str, ref: P | str, act: Mapping[str, Any], fields: Mapping[str, Any]
) -> P:
    """Do ``edit`` or ``assign``: new values for fields, the record stays where it is."""
    said = asked(act)
    prepare = partial(amending, shell, verb, ref, said, fields)
    record: P = (await shell.once(verb, id_of(ref), fields, said, prepare))[0]
    return record


async def amending(
    shell: Shell, verb: str, ref: Record | str, said: Asked, fields: Mapping[str, Any]
) -> Prepared:
    """Return the commit of an ``edit`` or ``assign``, and the record after it."""
    record = await shell.current(ref, said.expect)
    edits = await shell.edits(record, fields) if verb == "edit" else fields
    if isinstance(record, Lead | Deal):
        what = {"edits": edits} if verb == "edit" else edits
        request = shell.request(verb, record, said, **what)
        decision = await shell.decision(record, request)
        if decision.record is None:
            raise RefusedError(record.id, decision.verdict)
    elif record.replaced_by:
        raise RefusedError(record.id, Verdict(verb, (merged(record),)))
    else:  # contacts and companies are in no pipeline, so nobody guards them
        request = shell.request(verb, record, said)
        decision = Decision(verdict=Verdict(verb), record=amended(record, edits, request.at))
    return recorded(record, decision, request), (decision.record,)
