"""One row against what is known: the acts of the gate that it amounts to, and the commit of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from funnelkit.clients.matching import NOISE
from funnelkit.errors import FunnelkitError, InputError
from funnelkit.gate.decide import amended
from funnelkit.gate.request import Request
from funnelkit.records import Company, Contact, Deal, Lead, Record
from funnelkit.storage.base import Commit, Kind, MatchKey
from funnelkit.tables.born import BadRowError, new_party, new_placed, refused
from funnelkit.tables.compared import compared
from funnelkit.tables.drafts import RowDraft
from funnelkit.tables.known import SURE, Known, Run, alias_of, all_keys, group_of, sure_keys
from funnelkit.tables.report import Kept, RowPlan
from funnelkit.verbs import recording
from funnelkit.verbs.shell import in_a_pipeline

__all__ = ["Prepared", "settled"]


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
    """

    draft: RowDraft
    id: str
    fields: dict[str, Any]
    company_name: str = ""
    company_key: str = ""
    keys: tuple[str, ...] = ()


async def settled(run: Run, known: Known, row: Prepared) -> tuple[RowPlan, Commit | None]:
    """Return what becomes of a row, and the commit that does it; None when there is nothing to write.

    What is known learns of it, so that the next row finds it.
    """
    line, notes = row.draft.line, list(row.draft.notes)
    matched = ""
    commit: Commit | None
    try:
        record = _there(run, known, row.id)
        if record is None and run.kind in SURE:
            record, matched = _surely(run, known, row, notes)
        if record is None:
            plan, commit = _created(run, known, row, notes)
        else:
            plan, commit = await _filled(run, known, row, record, notes)
    except BadRowError as error:
        return RowPlan(line=line, fate="bad", reasons=error.reasons(run), notes=tuple(notes)), None
    except FunnelkitError as error:
        if not isinstance(error, InputError):
            raise
        reason = BadRowError(error.argument, error.problem + (f" ({error.fix})" if error.fix else ""))
        return RowPlan(line=line, fate="bad", reasons=reason.reasons(run), notes=tuple(notes)), None
    if matched and row.draft.key:
        found = known.records[plan.record]
        known.stands[row.id] = found.id
        commit = _with_keys(commit or Commit(), [alias_of(row.id, found, run.kind)])
    earlier = known.lines.setdefault(plan.record, line)
    return attrs.evolve(plan, matched=matched, earlier=0 if earlier == line else earlier), commit


def _there(run: Run, known: Known, id: str) -> Record | None:
    record = known.meant(id)
    if record is not None and not isinstance(record, _TYPES[run.kind]):
        raise BadRowError("key", f"{id!r} is the id of a {type(record).__name__.lower()}")
    return record


_TYPES: dict[Kind, type[Record]] = {"lead": Lead, "deal": Deal, "contact": Contact, "company": Company}


# -- new records ---------------------------------------------------------------------------------


def _created(run: Run, known: Known, row: Prepared, notes: list[str]) -> tuple[RowPlan, Commit]:
    commits: list[Commit] = []
    keys = row.keys
    made = ""
    if run.kind in SURE:
        fields = row.fields
        if row.company_name and not fields.get("company"):
            company, born = _company(run, known, row, notes)
            fields = {**fields, "company": company.id if company else ""}
            if born is not None:
                commits.append(born)
                made = row.company_name
        record: Record = new_party(run, row.id, fields)
        commits.append(recording.birth(record, run.actor.id))  # type: ignore[arg-type]
        known.learn(record, sure_keys(run.kind, keys))
        if run.kind == "company":
            known.companies |= {key: record.id for key in keys if key.startswith("company:")}
    else:
        record, commit = new_placed(run, known, row.id, row.fields, notes)
        commits.append(commit)
        known.records[record.id] = record
        if isinstance(record, Lead):
            keys = all_keys(run, record, "")
    commit = recording.merged(commits) if len(commits) > 1 else commits[0]
    plan = RowPlan(line=row.draft.line, fate="create", record=record.id, company=made, notes=tuple(notes))
    return plan, _with_keys(commit, [MatchKey(key=key, kind=run.kind, record=record.id) for key in keys])


def _company(run: Run, known: Known, row: Prepared, notes: list[str]) -> tuple[Company | None, Commit | None]:
    """Return the company that a contact names, made if there is none, and the commit that makes it."""
    if not row.company_key:
        notes.append(f"company {row.company_name!r} was left aside, as nothing in it is a name")
        return None, None
    if id := known.companies.get(row.company_key):
        return known.records[id], None  # type: ignore[return-value]
    from hashlib import blake2b

    digest = blake2b(row.company_key.encode(), digest_size=8).hexdigest()
    id = run.id_of("company", f"named-{digest}")
    at = min(row.fields.get("created_at", run.at), run.at)
    company = Company(id=id, name=row.company_name, created_at=at, updated_at=at)
    keys = all_keys(run, company, "")
    known.learn(company, ())
    known.companies[row.company_key] = id
    born = recording.birth(company, run.actor.id)
    return company, _with_keys(born, [MatchKey(key=key, kind="company", record=id) for key in keys])


def _with_keys(commit: Commit, keys: Sequence[MatchKey]) -> Commit:
    return attrs.evolve(commit, keys=(*commit.keys, *keys)) if keys else commit


# -- clients that are known already --------------------------------------------------------------


def _surely(run: Run, known: Known, row: Prepared, notes: list[str]) -> tuple[Record | None, str]:
    """Return the one client that a row is surely about, and the key that says so.

    An identifier is surer than an e-mail address, that surer than a phone number. A surer key that
    both have and that differs says that it is somebody else.
    """
    families = SURE[run.kind]
    mine = _grouped(row.keys)
    for rank, family in enumerate(families):
        found: dict[str, str] = {}
        for key in row.keys:
            ids = known.by_key.get(key, ()) if key.startswith(family) else ()
            for id in ids if len(ids) <= NOISE else ():
                if not _somebody_else(run, known.records[id], mine, families[:rank]):
                    found.setdefault(id, key)
        if len(found) == 1:
            ((id, key),) = found.items()
            return known.records[id], key
        if found:
            named = ", ".join(sorted(found)[:3])
            notes.append(f"could be any of {len(found)} by {next(iter(found.values()))}: {named}")
            return None, ""
    return None, ""


def _somebody_else(run: Run, record: Record, mine: dict[str, set[str]], surer: Sequence[str]) -> bool:
    if not surer or isinstance(record, Deal):
        return False
    theirs = _grouped(key for key in all_keys(run, record, "") if key.startswith(tuple(surer)))
    return any(group in mine and mine[group].isdisjoint(keys) for group, keys in theirs.items())


def _grouped(keys: Iterable[str]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for key in keys:
        groups.setdefault(group_of(key), set()).add(key)
    return groups


# -- records that are there ----------------------------------------------------------------------


async def _filled(
    run: Run, known: Known, row: Prepared, record: Record, notes: list[str]
) -> tuple[RowPlan, Commit | None]:
    new, kept = compared(run, record, row.fields)
    commits: list[Commit] = []
    made = ""
    if row.company_name and isinstance(record, Contact) and "company" not in row.fields:
        if not record.company:
            company, born = _company(run, known, row, notes)
            if company is not None:
                new["company"] = company.id
            if born is not None:
                commits.append(born)
                made = row.company_name
        elif other := _of_another(run, known, row, record):
            kept.append(other)
    after = record
    if new:
        after, acts = await _amended(run, record, new)
        commits += acts
        known.records[after.id] = after
        if isinstance(after, Lead | Contact | Company):
            name = _company_name(known, after)
            keys = all_keys(run, after, name)
            if run.kind in SURE:
                known.learn(after, sure_keys(run.kind, keys))
            written = [MatchKey(key=key, kind=run.kind, record=after.id) for key in keys]
            commits.append(Commit(keys=tuple(written)))
    plan = RowPlan(
        line=row.draft.line,
        fate="fill" if new else "same",
        record=record.id,
        fills=_named(record, after),
        kept=tuple(kept),
        company=made,
        notes=tuple(notes),
    )
    return plan, recording.merged(commits) if commits else None


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


def _of_another(run: Run, known: Known, row: Prepared, record: Contact) -> Kept | None:
    """Return what to say where a contact works for another company than the row says."""
    company = known.records.get(record.company)
    if not isinstance(company, Company) or not row.company_key:
        return None
    if row.company_key in all_keys(run, company, ""):
        return None
    return Kept("company", company.name, row.company_name)


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
