"""One verb for many records: every one through the gate, all of it in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs

from funnelkit.errors import ConflictError, InputError, NotFoundError, StoreError, shown
from funnelkit.gate.request import Request
from funnelkit.inputs import text
from funnelkit.records import Deal, Lead, Placed
from funnelkit.serial import did_you_mean
from funnelkit.stages import Verdict
from funnelkit.storage.base import KINDS, Answer, Commit, Kind, kind_of
from funnelkit.verbs import recording
from funnelkit.verbs.acts import Asked, asked, digest, split
from funnelkit.verbs.finding import id_of, kind_made_for
from funnelkit.verbs.shell import Shell

__all__ = ["BulkResult", "bulk"]

_VERBS = ("advance", "move", "win", "lose", "void", "reopen", "transfer", "assign", "edit")


@attrs.frozen(kw_only=True)
class BulkResult:
    """What a bulk did.

    Attributes:
        done: The records as they are now, in the order given; those that needed nothing included.
        refused: (record id, verdict) of every record that the gate refused.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")], moves="ordered"))
    >>> deals = [engine.create("Acme"), engine.advance(engine.create("Umbrella"))]
    >>> result = engine.bulk("advance", deals)
    >>> [deal.stage for deal in result.done], [verdict.refusals[0].code for _, verdict in result.refused]
    (['offer'], ['last_stage'])
    """

    done: tuple[Lead | Deal, ...] = ()
    refused: tuple[tuple[str, Verdict], ...] = ()

    def __str__(self) -> str:
        lines = [f"{len(self.done)} done, {len(self.refused)} refused"]
        return "\n".join(lines + [f"  {id}: {verdict}" for id, verdict in self.refused])


async def bulk(
    shell: Shell,
    verb: str,
    refs: Iterable[Lead | Deal | str],
    arguments: Mapping[str, Any],
    *,
    cause: str = "bulk",
) -> BulkResult:
    """Do ``verb`` to every record; see `Engine.bulk`."""
    if verb not in _VERBS:
        raise InputError("verb", f"{shown(verb)} cannot be done in bulk", did_you_mean(verb, _VERBS))
    act, own = split(arguments)
    said = asked(act)
    what = _what(shell, verb, own)
    done: list[Lead | Deal] = []
    refused: list[tuple[str, Verdict]] = []
    acts: list[recording.Yes] = []
    answers: list[Answer] = []
    base = shell.request(verb, None, said, cause=cause, **what)
    if isinstance(refs, str) or not isinstance(refs, Iterable):
        raise InputError("records", f"{shown(refs)} is no list of records", "give [record, …]")
    asked_for = list(refs)
    for ref, record in zip(asked_for, await _read(shell, asked_for), strict=True):
        key = f"{said.key}/{record.id}" if said.key else ""
        mark = digest(verb, record.id, own, said) if key else ""
        if key and (answered := await shell.answered(key, mark)):
            done.append(cast("Lead | Deal", answered[0]))
            continue
        _check_version(record, said.expect, ref)
        request = base
        if key or verb == "edit" or record.updated_at > base.at:
            request = await _request(shell, base, record, attrs.evolve(said, key=key))
        decision = await shell.decision(record, request)
        if decision.record is None:
            refused.append((record.id, decision.verdict))
            continue
        done.append(decision.record)
        acts.append((record, decision, request))
        if key:
            answers.append(Answer(key=key, request=mark, records=(decision.record,)))
    commit = attrs.evolve(recording.together(acts), answers=tuple(answers))
    if commit != Commit() and not await _written(shell, commit):
        return await bulk(shell, verb, asked_for, arguments, cause=cause)
    return BulkResult(done=tuple(done), refused=tuple(refused))


async def _written(shell: Shell, commit: Commit) -> bool:
    """Commit; False when somebody came first under the same keys, whose answers are there now."""
    try:
        await shell.commit(commit)
    except StoreError:
        if any([await shell.answered(answer.key, answer.request) for answer in commit.answers]):
            return False
        raise
    return True


def _check_version(record: Placed, expect: int | None, ref: Lead | Deal | str) -> None:
    expected = expect or (None if isinstance(ref, str) else ref.version)
    if expected is not None and record.version != expected:
        raise ConflictError(kind_of(record), record.id, expected, record.version)


def _what(shell: Shell, verb: str, own: dict[str, Any]) -> dict[str, Any]:
    """Return the verb's own arguments as fields of a `Request`."""
    if verb == "edit":
        return {"edits": own}
    expected = {"move": {"to"}, "transfer": {"to", "stage"}, "assign": {"owner"}}.get(verb, set())
    if unknown := own.keys() - expected:
        raise TypeError(f"{verb} takes no argument {min(unknown)!r}")
    if verb == "move":
        return {"target": text(own.get("to"), "to", required=True)}
    if verb == "assign":
        return {"owner": text(own.get("owner"), "owner")}
    return shell.destination(own.get("to"), own.get("stage")) if verb == "transfer" else {}


async def _read(shell: Shell, refs: list[Lead | Deal | str]) -> list[Placed]:
    """Read all records with few queries; ids that do not tell a kind are looked for among all kinds."""
    ids = [id_of(ref) for ref in refs]
    kinds: list[Kind | None] = [kind_made_for(ref) if isinstance(ref, str) else kind_of(ref) for ref in refs]
    asked_for: defaultdict[Kind | None, list[str]] = defaultdict(list)
    for id, kind in zip(ids, kinds, strict=True):
        asked_for[kind].append(id)
    found: dict[str, Any] = {}
    for kind in KINDS:
        if wanted := [*asked_for[kind], *(id for id in asked_for[None] if id not in found)]:
            found |= await shell.store.get_many(kind, wanted)
    for id, known in zip(ids, kinds, strict=True):
        if id not in found:
            raise NotFoundError(known or "record", id)
    if len(found) != len(ids):
        raise InputError("records", "one record is named twice", "name each one once")
    if stranger := next((item for item in found.values() if not isinstance(item, Lead | Deal)), None):
        raise InputError("records", f"{shown(stranger)} is in no pipeline", "give leads or deals")
    return [found[id] for id in ids]


async def _request(shell: Shell, base: Request, record: Placed, said: Asked) -> Request:
    """Return the request for one record whose time, key or fields are its own."""
    edits = await shell.edits(record, base.edits) if base.verb == "edit" else base.edits
    return attrs.evolve(base, edits=edits, key=said.key, at=said.instant(shell.clock, record.updated_at))
