"""From records to the plan of their merge: reads, asks the gate, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from funnelkit.clients.fields import blank, value_of
from funnelkit.clients.merging.dependants import dependants_of
from funnelkit.clients.merging.plan import Left, MergePlan, Taken, against
from funnelkit.clients.merging.rules import MergeRule, fields_of, ranked, taken
from funnelkit.clients.merging.writing import drawn, saying
from funnelkit.errors import ConflictError, InputError, shown
from funnelkit.inputs import custom_values
from funnelkit.records import Record
from funnelkit.serial import did_you_mean
from funnelkit.stages import Refusal
from funnelkit.storage.base import Kind, kind_of
from funnelkit.verbs.acts import asked
from funnelkit.verbs.drafts import FIELDS, checked
from funnelkit.verbs.finding import id_of
from funnelkit.verbs.shell import Shell

__all__ = ["plan_merge"]

LEAST, MOST = 2, 20
"""So many records are merged at once; whoever has more has no duplicates but a bad rule."""


async def plan_merge(
    shell: Shell,
    records: Iterable[Any],
    rule: MergeRule | None,
    survivor: Any,
    fields: Mapping[str, Any] | None,
) -> MergePlan:
    """Do ``plan_merge``.

    Args:
        shell: Where to read.
        records: Two or more records of one kind, or their ids; who was merged leads to who stands for it.
        rule: Who survives, and whose values count.
        survivor: One of the records, or its id: that one, whatever the rule says.
        fields: Field → the value it shall have, whatever the rule says.
    """
    if not isinstance(rule, MergeRule | None):
        raise InputError("rule", f"{shown(rule)} is no MergeRule", 'give MergeRule(survivor=("oldest",))')
    rule = rule or MergeRule()
    order = ranked(rule, await _read(shell, records), shell.pipelines)
    if survivor is not None:
        chosen = (await _current(shell, survivor)).id
        if chosen not in {record.id for record in order}:
            raise InputError("survivor", f"{shown(chosen)} is none of the records", "name one of them")
        order.sort(key=lambda record: record.id != chosen)
    given = await _given(shell, kind_of(order[0]), fields)
    new, left, unclear = _values(rule, order, given)
    pairs = await dependants_of(shell.store, order[0], order[1:])
    plan = MergePlan(
        survivor=order[0],
        losers=tuple(order[1:]),
        fields=tuple(new),
        left=tuple(left),
        dependants=tuple(dependant for _, dependant in pairs),
    )
    if refusals := [*against(order[0], order[1:]), *unclear]:
        return attrs.evolve(plan, refusals=tuple(refusals))
    return attrs.evolve(plan, refusals=(await drawn(shell, plan, pairs, saying(asked({})))).refusals)


async def _current(shell: Shell, ref: Any) -> Record:
    """Return the record that stands for one, at the version that was given if it is itself."""
    record: Record = await shell.current(id_of(ref), None)
    if not isinstance(ref, str) and ref.id == record.id and ref.version != record.version:
        raise ConflictError(kind_of(record), record.id, ref.version, record.version)
    if record.replaced_by:
        problem = f"{shown(record)} is no more, for its conversion was undone"
        raise InputError("records", problem, "leave it out")
    return record


async def _read(shell: Shell, refs: Iterable[Any]) -> list[Record]:
    if isinstance(refs, str) or not isinstance(refs, Iterable):
        raise InputError("records", f"{shown(refs)} is no list of records", "give [record, …]")
    given = list(refs)
    if not LEAST <= len(given) <= MOST:
        raise InputError("records", f"there are {len(given)}", f"give {LEAST} to {MOST}")
    records = [await _current(shell, ref) for ref in given]
    kinds = dict.fromkeys(map(kind_of, records))
    if len(kinds) > 1:
        raise InputError("records", f"there are {' and '.join(kinds)} records", "merge records of one kind")
    ids = [record.id for record in records]
    if twice := next((id for id in ids if ids.count(id) > 1), None):
        raise InputError("records", f"{shown(twice)} stands for two of them", "give each record once")
    return records


async def _given(shell: Shell, kind: Kind, fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values that were given, checked, each custom one by its own name."""
    if not isinstance(fields, Mapping | None):
        raise InputError("fields", f"{shown(fields)} is no mapping", 'give {"name": "Acme"}')
    own = {str(name): value for name, value in (fields or {}).items()}
    custom = {name.partition(".")[2]: own.pop(name) for name in list(own) if name.startswith("custom.")}
    if unknown := next((name for name in own if name not in FIELDS[kind]), None):
        mend = did_you_mean(unknown, sorted(FIELDS[kind] - {"custom"}))
        raise InputError("fields", f"{shown(unknown)} is no field of a {kind}", mend)
    new = checked(kind, {**own, "custom": {**custom_values(own.get("custom")), **custom}})
    flat = {f"custom.{name}": value for name, value in new.pop("custom").items()}
    for party in ("contact", "company"):
        if new.get(party):
            new[party] = (await shell.party(party, new[party])).id
    return {**new, **flat}


def _values(
    rule: MergeRule, order: Sequence[Record], given: Mapping[str, Any]
) -> tuple[list[Taken], list[Left], list[Refusal]]:
    """Return what the survivor will say otherwise, what is left, and what cannot be said."""
    new: list[Taken] = []
    left: list[Left] = []
    unclear: list[Refusal] = []
    survivor, losers = order[0], order[1:]
    for field in dict.fromkeys((*fields_of(order), *given)):
        before, whose = value_of(survivor, field), ""
        precedence = "given" if field in given else rule.of(field)
        if field in given:
            after = given[field]
        else:
            try:
                after, best = taken(precedence, field, order)
            except ValueError as error:
                fix = f'say fields={{"{field}": …}}'
                unclear.append(Refusal("unclear", str(error), field=field, fix=fix))
                continue
            whose = best.id if best is not None else ""
        if not _same(before, after):
            new.append(Taken(field=field, before=before, after=after, whose=whose))
        if precedence != "joined":
            left += [
                Left(field=field, value=value, whose=loser.id, kept=after)
                for loser in losers
                if not blank(value := value_of(loser, field)) and not _same(value, after)
            ]
    return new, left, unclear


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same, in JSON too, where true is no 1."""
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)
