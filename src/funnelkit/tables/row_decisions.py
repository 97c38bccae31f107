"""One row against what is known: the acts of the gate that it amounts to, and the commit of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import attrs

from funnelkit.clients.sure import sure_match, who_fits
from funnelkit.errors import InputError
from funnelkit.gate.decide import amended
from funnelkit.gate.request import Request
from funnelkit.records import Company, Contact, Deal, Lead, Record, replaced
from funnelkit.storage.base import Commit, Kind, MatchKey
from funnelkit.tables.compared import compared
from funnelkit.tables.drafts import Reason, RowDraft
from funnelkit.tables.known_records import SURE, Known, Run, alias_of, all_keys, sure_keys
from funnelkit.tables.new_records import BadRowError, new_party, new_placed, refused
from funnelkit.tables.report import Kept, RowPlan
from funnelkit.verbs import recording
from funnelkit.verbs.finding import in_a_pipeline

__all__ = ["Prepared", "Writing", "settled"]


@attrs.define(kw_only=True)
class Prepared:
    """A row that can be used, ready to be settled.

    Attributes:
        draft: What it says.
        id: The id that its record has, or gets.
        fields: What it says, references being ids of records.
        company_name: The company that a contact names.
        company_key: The key of that name, or empty.
        keys: All keys of the client it would make; of one that is known none.
        party: That client, where it can be made.
    """

    draft: RowDraft
    id: str
    fields: dict[str, Any]
    company_name: str = ""
    company_key: str = ""
    keys: tuple[str, ...] = ()
    party: Contact | Company | None = None


@attrs.define
class Writing:
    """What a batch will write: the commits of its rows, and the keys of their records."""

    commits: list[Commit] = attrs.field(factory=list)
    keys: list[MatchKey] = attrs.field(factory=list)

    def add_keys(self, kind: Kind, id: str, keys: Iterable[str]) -> None:
        """Add the keys of a record."""
        self.keys += [MatchKey(key=key, kind=kind, record=id) for key in keys]

    def commit(self) -> Commit:
        """Return one commit of everything.

        Its keys are sorted: a tree of a million keys is then written to in few places.
        """
        keys = tuple(sorted(self.keys, key=attrgetter("key")))
        return recording.merged([*self.commits, Commit(keys=keys)])


async def settled(run: Run, known: Known, row: Prepared, out: Writing) -> RowPlan:
    """Return what becomes of a row; what does it is added to ``out``, but nothing for a bad row.

    What is known learns of it, so that the next row finds it.
    """
    line, notes = row.draft.line, list(row.draft.notes)
    matched = ""
    if first := known.refused.get(row.id):
        reason = Reason("", f"line {first} of the same record is bad")
        return RowPlan(line=line, fate="bad", reasons=(reason,), notes=row.draft.notes)
    try:
        record = _there(run, known, row.id)
        if record is None and run.kind in SURE:
            record, matched = _surely(run, known, row, notes)
        if record is None:
            plan = _created(run, known, row, notes, out=out)
        else:
            plan = await _filled(run, known, row, record, notes=notes, out=out)
    except BadRowError as error:
        known.refused[row.id] = line  # or else the row would be taken the next time, as its record is there
        return RowPlan(line=line, fate="bad", reasons=error.reasons(run), notes=tuple(notes))
    except InputError as error:
        known.refused[row.id] = line
        told = BadRowError(error.argument, error.problem + (f" ({error.fix})" if error.fix else ""))
        return RowPlan(line=line, fate="bad", reasons=told.reasons(run), notes=tuple(notes))
    if matched:
        known.stands[row.id] = plan.record
        out.keys.append(alias_of(row.id, plan.record, run.kind))
    earlier = known.lines.setdefault(plan.record, line)
    if not matched and earlier == line:
        return plan
    return attrs.evolve(plan, matched=matched, earlier=0 if earlier == line else earlier)


def _there(run: Run, known: Known, id: str) -> Record | None:
    record = known.meant(id)
    if record is not None and not isinstance(record, _TYPES[run.kind]):
        raise BadRowError("key", f"{id!r} is the id of a {type(record).__name__.lower()}")
    return record


_TYPES: dict[Kind, type[Record]] = {"lead": Lead, "deal": Deal, "contact": Contact, "company": Company}


# -- new records ---------------------------------------------------------------------------------


def _created(run: Run, known: Known, row: Prepared, notes: list[str], *, out: Writing) -> RowPlan:
    keys, made = row.keys, ""
    record: Record
    if run.kind in SURE:
        party = row.party or new_party(run, row.id, row.fields)  # first of all, for it may not be possible
        if row.company_name and "company" not in row.fields:
            company, made = _company(run, known, row, notes, out=out)
            party = replaced(party, company=company)
        out.commits.append(recording.birth(party, run.actor.id))
        known.learn(party, sure_keys(run.kind, keys))
        record = party
    else:
        record, commit = new_placed(run, known, row.id, row.fields, notes)
        out.commits.append(commit)
        known.records[record.id] = record
        if isinstance(record, Lead):
            keys = all_keys(run, record, "")
    out.add_keys(run.kind, record.id, keys)
    return RowPlan(line=row.draft.line, fate="create", record=record.id, company=made, notes=tuple(notes))


def _company(run: Run, known: Known, row: Prepared, notes: list[str], *, out: Writing) -> tuple[str, str]:
    """Return the id of the company that a contact names; and its name, if it had to be made."""
    key, name = row.company_key, row.company_name
    if not key:
        notes.append(f"company {name!r} was left aside, as nothing in it is a name")
        return "", ""
    if id := known.companies.get(key):
        return id, ""
    from hashlib import blake2b

    id = run.id_of("company", f"named-{blake2b(key.encode(), digest_size=8).hexdigest()}")
    at = min(row.fields.get("created_at", run.at), run.at)
    company = Company(id=id, name=name, created_at=at, updated_at=at)
    known.records[id] = company
    known.companies[key] = id
    out.commits.append(recording.birth(company, run.actor.id))
    out.add_keys("company", id, all_keys(run, company, ""))
    return id, name


# -- clients that are known already --------------------------------------------------------------


def _surely(run: Run, known: Known, row: Prepared, notes: list[str]) -> tuple[Record | None, str]:
    """Return the one client that a row is surely about, and the key that says so; see `sure_match`."""
    if known.by_key.keys().isdisjoint(row.keys):
        return None, ""
    keys = [key for key in row.keys if key not in known.noise]
    found = {key: [known.records[id] for id in known.by_key.get(key, ())] for key in keys}
    policy, families = run.shell.business.keys, SURE[run.kind]
    if sure := sure_match(keys, found, policy, families=families):
        if sure.others:
            notes.append(_several(sure.key, (sure.record, *sure.others)) + "; the oldest was taken")
        return sure.record, sure.key
    key, fitting = who_fits(keys, found, policy, families=families)
    if fitting:
        notes.append(_several(key, fitting))
    return None, ""


def _several(key: str, fitting: Sequence[Record]) -> str:
    named = ", ".join(sorted(record.id for record in fitting)[:3])
    return f"could be any of {len(fitting)} by {key}: {named}"


# -- records that are there ----------------------------------------------------------------------


async def _filled(
    run: Run, known: Known, row: Prepared, record: Record, *, notes: list[str], out: Writing
) -> RowPlan:
    new, kept = compared(run, record, row.fields)
    made = ""
    if row.company_name and isinstance(record, Contact) and "company" not in row.fields:
        if record.company:
            kept += _of_another(run, known, row, record)
        else:
            company, made = _company(run, known, row, notes, out=out)
            new |= {"company": company} if company else {}
    after = record
    if new:
        after, commits = await _amended(run, record, new)
        out.commits += commits
        known.records[after.id] = after
        if isinstance(after, Lead | Contact | Company):
            keys = all_keys(run, after, _company_name(known, after))
            out.add_keys(run.kind, after.id, keys)
            if run.kind in SURE:
                known.learn(after, sure_keys(run.kind, keys))
    return RowPlan(
        line=row.draft.line,
        fate="fill" if new else "same",
        record=record.id,
        fills=_named(record, after) if new else (),
        kept=tuple(kept),
        company=made,
        notes=tuple(notes),
    )


def _named(before: Record, after: Record) -> tuple[str, ...]:
    """Return the names of the fields that differ, custom fields one by one."""
    names: list[str] = []
    for field, value in after.__dict__.items():
        if field == "custom":
            new = [name for name in value if name not in before.custom or value[name] != before.custom[name]]
            names += [f"custom.{name}" for name in new]
        elif field not in {"version", "updated_at"} and getattr(before, field) != value:
            names.append(field)
    return tuple(names)


def _of_another(run: Run, known: Known, row: Prepared, record: Contact) -> list[Kept]:
    """Return what to say where a contact works for another company than the row says."""
    company = known.records.get(record.company)
    if not isinstance(company, Company) or not row.company_key:
        return []
    if row.company_key in all_keys(run, company, ""):
        return []
    return [Kept("company", company.name, row.company_name)]


def _company_name(known: Known, record: Record) -> str:
    company = known.records.get(record.company) if isinstance(record, Contact) and record.company else None
    return company.name if company else ""


async def _amended(run: Run, record: Record, new: dict[str, Any]) -> tuple[Record, list[Commit]]:
    """Return a record with its blanks filled, and the commits; of leads and deals the gate decides."""
    at = max(run.at, record.updated_at)
    if isinstance(record, Contact | Company):
        after = amended(record, new, at)
        return after, [recording.amendment(record, after, actor=run.actor.id, reason="", overruled="")]
    commits: list[Commit] = []
    edits = {field: value for field, value in new.items() if field != "owner"}
    asked: list[dict[str, Any]] = [{"verb": "assign", "owner": new["owner"]}] if "owner" in new else []
    asked += [{"verb": "edit", "edits": edits}] if edits else []
    for what in asked:
        request = Request(actor=run.actor, at=at, cause="import", sealed=run.shell.sealed, **what)
        decision = await run.shell.decision(in_a_pipeline(record), request)
        if decision.record is None:
            raise refused(decision.verdict)
        commit = recording.recorded(record, decision, request)
        commits += [commit] if commit is not None else []
        record = decision.record
    return record, commits
