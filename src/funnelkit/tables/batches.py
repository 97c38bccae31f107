"""A batch of rows: what is known is read with a few queries, then each row is settled."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from funnelkit.clients.matching import NOISE
from funnelkit.errors import InputError
from funnelkit.inputs import given_id
from funnelkit.records import Contact
from funnelkit.storage.base import Kind
from funnelkit.tables.drafts import Reason, RowDraft
from funnelkit.tables.known_records import SURE, Known, Run, all_keys, sure_keys
from funnelkit.tables.new_records import BadRowError, new_party
from funnelkit.tables.report import RowPlan
from funnelkit.tables.row_decisions import Prepared, Writing, settled
from funnelkit.verbs.finding import kind_made_for

__all__ = ["batch_settled"]

_REFERENCES: tuple[Kind, ...] = ("contact", "company", "lead")


async def batch_settled(run: Run, known: Known, drafts: Iterable[RowDraft]) -> tuple[list[RowPlan], Writing]:
    """Return what becomes of rows, and what does it."""
    rows = [_prepared(run, draft) for draft in drafts]
    good = [row for row in rows if isinstance(row, Prepared)]
    wanted: defaultdict[Kind, set[str]] = defaultdict(set)
    for row in good:
        wanted[run.kind].add(row.id)
        for kind in _REFERENCES:
            if ref := row.fields.get(kind):
                wanted[kind].add(run.id_of(kind, ref))
    await known.read_ids(run, wanted)
    bad = {id(row): problem for row in good if (problem := _referred(run, known, row))}
    good = [row for row in good if id(row) not in bad]
    if run.kind in SURE:
        await _read_clients(run, known, good)
    plans: list[RowPlan] = []
    out = Writing()
    for each in rows:
        if isinstance(each, RowPlan):
            plans.append(each)
        elif id(each) in bad:
            plans.append(bad[id(each)])
        else:
            plans.append(await settled(run, known, each, out))
    return plans, out


def _prepared(run: Run, draft: RowDraft) -> Prepared | RowPlan:
    """Return a row with the id of its record; what to say of it, if it cannot be used."""
    if reasons := (*draft.reasons, *_impossible(run, draft)):
        return RowPlan(line=draft.line, fate="bad", reasons=reasons, notes=draft.notes)
    fields = dict(draft.fields)
    company_name = fields.pop("company_name", "") if run.kind == "contact" else ""
    key = draft.key or f"row-{_digest(draft)}"
    record_id = run.id_of(run.kind, key)
    if problem := _problem(run, record_id):
        reason = Reason(run.columns.get("key", "key"), problem)
        return RowPlan(line=draft.line, fate="bad", reasons=(reason,), notes=draft.notes)
    return Prepared(draft=draft, id=record_id, fields=fields, company_name=company_name)


def _impossible(run: Run, draft: RowDraft) -> Iterator[Reason]:
    """Find what speaks against a row by itself, whatever is there."""
    if draft.reasons:
        return
    if "name" in run.columns and not draft.fields.get("name", "").strip():
        yield Reason(run.columns["name"], "empty")
    for field in ("created_at", "closed_at"):
        at = draft.fields.get(field)
        if at is not None and at > run.at:
            yield Reason(run.columns.get(field, field), f"{at.isoformat()} is in the future")


def _problem(run: Run, id: str) -> str:
    """Say what is wrong with an id, or nothing."""
    try:
        given_id(id)
    except InputError as error:
        return error.problem + (f" ({error.fix})" if error.fix else "")
    looks = kind_made_for(id) or run.kind
    return "" if looks == run.kind else f"{id!r} looks like the id of a {looks}"


def _digest(draft: RowDraft) -> str:
    """Return what tells rows without a key apart: what they say."""
    from hashlib import blake2b

    told = repr(sorted((field, repr(value)) for field, value in draft.fields.items()))
    return blake2b(told.encode(), digest_size=10).hexdigest()


def _referred(run: Run, known: Known, row: Prepared) -> RowPlan | None:
    """Put the ids of records in the place of references; say so, if one leads nowhere."""
    reasons: list[Reason] = []
    for kind in _REFERENCES:
        if ref := row.fields.get(kind):
            found = known.meant(run.id_of(kind, ref))
            if found is None or type(found).__name__.lower() != kind:
                told = f"there is no {kind} {run.id_of(kind, ref)!r} (import the table of them first)"
                reasons.append(Reason(run.columns.get(kind, kind), told))
            else:
                row.fields[kind] = found.id
    if not reasons:
        return None
    return RowPlan(line=row.draft.line, fate="bad", reasons=tuple(reasons), notes=row.draft.notes)


async def _read_clients(run: Run, known: Known, rows: Sequence[Prepared]) -> None:
    """Read the clients that rows could be about, and the companies that they name."""
    wanted, names = list[str](), list[str]()
    works_at = set[str]()
    for row in rows:
        record = known.meant(row.id)
        if record is None or row.company_name:
            _look_up(run, known, row)
            row.company_key = next((key for key in row.keys if key.startswith("company:")), "")
        if record is None:
            wanted += sure_keys(run.kind, row.keys)
        elif row.company_name and isinstance(record, Contact) and record.company:
            works_at.add(record.company)
        if row.company_name and row.company_key:
            names.append(row.company_key)
    await known.read_keys(run, run.kind, wanted)
    _set_noise_aside(known, [row for row in rows if row.party is not None and row.draft.key])
    if run.kind == "contact":
        await known.read_companies(run, names)
        found = (known.records[id] for key in wanted for id in known.by_key.get(key, ()))
        works_at |= {one.company for one in found if isinstance(one, Contact) and one.company}
        await known.read_ids(run, {"company": works_at})


def _set_noise_aside(known: Known, rows: Sequence[Prepared]) -> None:
    """Let nobody be known by an e-mail address of many who are new and have ids and names of their own.

    Such an address, ``noreply@…`` of a shop, is no person's. It is noted on every row that has it.
    One row alone is no evidence: of it only what is there says whether the address is noise.
    """
    fresh = [row for row in rows if known.meant(row.id) is None]
    addresses = Counter([key for row in fresh for key in row.keys if key.startswith("email:")])
    often = {
        key for key, count in addresses.items() if count > 1 and count + _there(known, key) > NOISE
    } | known.noise
    if not often:
        return
    named = {(key, _name_key(row)) for row in fresh for key in row.keys if key in often}
    many = Counter(key for key, _ in named)
    known.noise.update(key for key in often if many[key] > 1 and many[key] + _there(known, key) > NOISE)
    for row in fresh:
        for key in row.keys:
            if key in known.noise and key.startswith("email:"):
                note = f"{key} stands for more than {NOISE} names, so nobody is known by it"
                row.draft = attrs.evolve(row.draft, notes=(*row.draft.notes, note))


def _there(known: Known, key: str) -> int:
    return len(known.by_key.get(key, ()))


def _name_key(row: Prepared) -> str:
    return next((key for key in row.keys if key.startswith("name:")), "")


def _look_up(run: Run, known: Known, row: Prepared) -> None:
    """Put into a row the client that it would make, and the keys of it; nothing where it cannot be."""
    name = row.company_name
    if not name and row.fields.get("company"):
        company: Any = known.records.get(row.fields["company"])
        name = company.name if company else ""
    try:
        if row.fields.get("name"):
            party = row.party = new_party(run, row.id, row.fields)
        else:
            party = new_party(run, row.id, {**row.fields, "name": "?"})
        row.keys = all_keys(run, party, name)
    except (BadRowError, InputError):
        row.keys = ()
