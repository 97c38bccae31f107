"""Who holds a record: taken by whoever is first, or given to whoever it is due to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import attrs

from funnelkit.clock import present, to_us
from funnelkit.errors import ConflictError, InputError, RefusedError, shown
from funnelkit.people.sharing import Assignment, Facts, FirstOf, PersonalManager, SharingRule
from funnelkit.records import SYSTEM, Placed
from funnelkit.sql import in_list, in_parts
from funnelkit.stages import Verdict
from funnelkit.storage.base import AsyncStore, Kind, kind_of
from funnelkit.verbs.acting import amend, amending
from funnelkit.verbs.acts import Asked, asked, digest
from funnelkit.verbs.asking import taken
from funnelkit.verbs.finding import id_of, in_a_pipeline
from funnelkit.verbs.shell import Prepared, R, Shell

__all__ = ["claim", "due", "manager_of", "share"]

_DAY = timedelta(days=1)


async def claim(shell: Shell, ref: R | str, act: Mapping[str, Any]) -> R:
    """Do `Engine.claim`: an ``assign`` of a record that is free, to the actor."""
    said = asked(act)
    if said.actor is SYSTEM:
        raise InputError("actor", "nobody is named to take the record", 'give actor="sam"')
    taker = {"owner": said.actor.id}
    mark = digest("assign", id_of(ref), taker, said) if said.key else ""
    if mark and (answered := await shell.answered(said.key, mark)):
        return cast("R", answered[0])
    organisation = shell.business.organisation
    if organisation.people:  # who is nobody of it holds nothing: what they took would still be free
        organisation.person(said.actor.id)
    while True:
        record = cast("R", in_a_pipeline(await shell.current(id_of(ref), said.expect)))
        if record.owner == said.actor.id:
            return record
        if refusals := taken(shell, record):
            raise RefusedError(record.id, Verdict("claim", refusals))
        try:
            return await amend(shell, "assign", record, act, taker)
        except ConflictError:  # somebody wrote first; whether they took it, the record says
            if said.expect is not None:
                raise


async def share(shell: Shell, ref: R | str, act: Mapping[str, Any]) -> R:
    """Do `Engine.share`."""
    said = asked(act)
    prepare = partial(_shared, shell, ref, said)
    return cast("R", (await shell.once("share", id_of(ref), {}, said, prepare))[0])


async def _shared(shell: Shell, ref: Placed | str, said: Asked) -> Prepared:
    record = in_a_pipeline(await shell.current(ref, said.expect))
    if not record.source:
        fix = "set it with edit, or use assign"
        raise InputError("source", f"{shown(record.name)} has no source, so no rule says who gets it", fix)
    source = shell.business.source(record.source)
    if source.sharing is None:
        problem = f"source {shown(source.id)} has no sharing rule"
        raise InputError("source", problem, 'give Source(…, sharing=RoundRobin("north")), or use assign')
    answer = await due(
        shell,
        source.sharing,
        kind_of(record),
        contact=record.contact,
        company=record.company,
        source_owner=source.owner,
        at=said.at,
    )
    if not answer.owner or answer.owner == record.owner:
        return None, (record,)
    told = attrs.evolve(said, reason=said.reason or answer.rule, note=said.note or str(answer))
    return await amending(shell, "assign", record, told, {"owner": answer.owner})


async def due(
    shell: Shell,
    rule: SharingRule,
    kind: Kind,
    *,
    contact: str = "",
    company: str = "",
    source_owner: str = "",
    creator: str = "",
    at: datetime | None = None,
) -> Assignment:
    """Return who is to hold a record by a rule, and why; what the rule looks at is read here.

    Args:
        shell: Where to read.
        rule: Who gets it.
        kind: ``"lead"`` or ``"deal"``.
        contact: Id of the person, or empty.
        company: Id of their company, or empty.
        source_owner: Who answers for its source.
        creator: Who makes it.
        at: When; now if left out.
    """
    organisation = shell.business.organisation
    facts = Facts(
        organisation=organisation,
        at=(at or present(shell.clock)).astimezone(shell.business.zone),
        manager=await manager_of(shell.store, contact, company),
        source_owner=source_owner,
        creator=creator,
    )
    if not _only_managers(rule):
        facts = await _counted(shell.store, kind, facts)
    return rule.assign(facts)


def _only_managers(rule: SharingRule) -> bool:
    if isinstance(rule, FirstOf):
        return all(map(_only_managers, rule.rules))
    return isinstance(rule, PersonalManager)


async def manager_of(store: AsyncStore, contact: str, company: str) -> str:
    """Return who holds a client: the person's owner, else the company's; empty when nobody does."""
    parties: tuple[tuple[Kind, str], ...] = (("contact", contact), ("company", company))
    for kind, id in parties:
        found = await store.get_many(kind, [id]) if id else {}
        if id in found and found[id].owner:
            return found[id].owner
    return ""


async def _counted(store: AsyncStore, kind: Kind, facts: Facts) -> Facts:
    """Add what people hold, what they got in the last day, and who got the latest."""
    people = sorted(facts.organisation.ids)
    if not people:
        return facts
    names, params = in_list(people)
    among = f"owner IN ({names})"
    select = "SELECT '{}' AS what, owner, COUNT(*) AS records FROM {} WHERE {} AND {} GROUP BY owner"
    asked = " UNION ALL ".join(
        select.format(what, table, among, which) for what, which in _COUNTED.items() for table in _TABLES
    )
    day = to_us(facts.at) - _DAY // timedelta(microseconds=1)
    counts: dict[str, Counter[str]] = {what: Counter() for what in _COUNTED}
    for what, owner, records in await store.query(asked, {**params, "day": day}):
        counts[what][owner] += int(records)
    last = await _latest(store, kind, people)
    return attrs.evolve(facts, open=counts["open"], received=counts["received"], last=last)


async def _latest(store: AsyncStore, kind: Kind, people: Sequence[str]) -> tuple[str, ...]:
    """Return people by the newest record of a kind that they hold, the latest first.

    One is looked up for each person and each way to end, for that is how the index is ordered.
    """
    newest: dict[str, tuple[int, str]] = {}
    for part in in_parts(people, _AT_ONCE):
        _, params = in_list(part)
        own = "SELECT owner, created_us, id FROM {} WHERE owner = :{} AND outcome = {} {}"
        first = "ORDER BY created_us DESC, id DESC LIMIT 1"
        asked = " UNION ALL ".join(
            f"SELECT owner, created_us, id FROM ({own.format(kind, name, outcome, first)}) AS {name}_{n}"
            for name in params
            for n, outcome in enumerate(_OUTCOMES)
        )
        for owner, created, id in await store.query(asked, params):
            newest[owner] = max(newest.get(owner, (created, id)), (created, id))
    return tuple(sorted(newest, key=newest.__getitem__, reverse=True))


_TABLES = ("deal", "lead")
_OUTCOMES = ("''", "'won'", "'lost'", "'void'")
_COUNTED = {
    "open": "outcome = ''",
    "received": f"outcome IN ({', '.join(_OUTCOMES)}) AND created_us > :day",
}
"""What is counted of each person → the condition, in the order of the index of what people hold."""

_AT_ONCE = 50
