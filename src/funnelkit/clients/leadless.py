"""Working without leads: what is open is converted in bulk, and inquiries make deals from then on.

Without leads a `Source` names a pipeline for deals, and its inquiries come in by `Engine.create` with
what they said of themselves: a known client is recognised, an unknown one made with the deal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from funnelkit.clients.converting import apply_conversion, plan_conversion
from funnelkit.clients.converting.plan import ConversionPlan
from funnelkit.clients.finding import known_by
from funnelkit.clients.schemes import FROM_CLIENT, Scheme
from funnelkit.errors import ConflictError, InputError, NotFoundError, RefusedError, shown
from funnelkit.keys.normal import company_key
from funnelkit.keys.policy import KeyPolicy, keys_of
from funnelkit.progress import Progress, shower
from funnelkit.records import Company, Lead, Record
from funnelkit.storage.immediate import run
from funnelkit.verbs.acts import asked, no_unknown, split
from funnelkit.verbs.drafts import DealDetails
from funnelkit.verbs.engines import awaited_shell_of, shell_of
from funnelkit.verbs.shell import Shell

if TYPE_CHECKING:
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.engine import Engine

__all__ = ["LeadsConverted", "async_convert_open_leads", "convert_open_leads"]

_TARGETS: dict[str, Any] = {"deal": None, "contact": None, "company": None}


@attrs.frozen(kw_only=True)
class LeadsConverted:
    """What became of the leads that were open.

    Attributes:
        done: Id of each converted lead → id of its conversion, by which `Engine.undo` takes it back.
        refused: Id of each lead that is open still → why, in words.
        asked: Id of each converted lead → kinds where more than one known client could have been
            meant, so that the oldest with its e-mail address was taken, or else a new one made: look at
            `Engine.candidates` of these.

    >>> print(LeadsConverted(done={"l1": "a1"}, refused={"l2": "convert refused: no budget (budget)"}))
    1 converted, 1 refused
      l2: convert refused: no budget (budget)
    """

    done: Mapping[str, str] = attrs.field(factory=dict)
    refused: Mapping[str, str] = attrs.field(factory=dict)
    asked: Mapping[str, Mapping[str, Mapping[str, str]]] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        return not self.refused

    def __str__(self) -> str:
        lines = [f"{len(self.done):,} converted, {len(self.refused):,} refused"]
        lines += [f"  {id}: {why}" for id, why in self.refused.items()]
        for id, kinds in self.asked.items():
            for kind, few in kinds.items():
                told = " or ".join(f"{shown(name)} ({each})" for each, name in few.items())
                lines.append(f"  {id}: which {kind}? {told}")
        return "\n".join(lines)


def convert_open_leads(
    engine: Engine,
    *,
    leads: str | None = None,
    scheme: Scheme = FROM_CLIENT,
    batch: int = 500,
    progress: Progress | Literal[True] | None = None,
    **details: Any,
) -> LeadsConverted:
    """Convert every open lead through the gate: each in a commit of its own, nothing dropped.

    Leads that name one company make it once; the only one known by that name is taken, unless an
    identifier says otherwise.

    What is refused stays open and is listed with its reason. After a stop, run it again: what is
    converted is open no more.

    Args:
        engine: Where.
        leads: The pipeline of the leads; all of them when left out.
        scheme: What each becomes.
        batch: How many leads are read at once.
        progress: Called with (leads looked at, leads open at the start); True draws a bar.
        details: `DealDetails`: where the deals start, who does it and why.

    Raises:
        InputError: An argument is something else, such as ``progress`` that cannot be called. No lead
            was touched.

    >>> from funnelkit import Engine, Pipeline, Stage, templates
    >>> engine = Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]))
    >>> for name in ("Ada", "Grace"):
    ...     lead = engine.capture(name, email=f"{name.lower()}@example.org")
    >>> print(convert_open_leads(engine, actor="kim", reason="we work without leads now"))
    2 converted, 0 refused
    >>> len(engine.find("deal", outcome="open"))
    2
    """
    which = {"pipeline": leads, "batch": batch}
    return run(_converted(shell_of(engine), which, scheme, details, progress))


async def async_convert_open_leads(
    engine: AsyncEngine,
    *,
    leads: str | None = None,
    scheme: Scheme = FROM_CLIENT,
    batch: int = 500,
    progress: Progress | Literal[True] | None = None,
    **details: Any,
) -> LeadsConverted:
    """Do `convert_open_leads` with an engine that is awaited."""
    which = {"pipeline": leads, "batch": batch}
    return await _converted(awaited_shell_of(engine), which, scheme, details, progress)


async def _converted(
    shell: Shell, which: Mapping[str, Any], scheme: Scheme, details: Mapping[str, Any], progress: Any
) -> LeadsConverted:
    pipeline, batch = which["pipeline"], which["batch"]
    _check(shell, pipeline, batch, details)
    if not isinstance(scheme, Scheme):
        raise InputError("scheme", f"{shown(scheme)} is no Scheme", "give one of funnelkit.schemes")
    tell = shower(progress)
    if scheme.deal == "new":
        shell.only("deal", details.get("pipeline"))  # else every lead would be refused for the same want
    where = {"outcome": "", **({} if pipeline is None else {"pipeline": pipeline})}
    report = LeadsConverted(done=(done := {}), refused=(refused := {}), asked=(unsure := {}))
    total = await _count(shell, where)
    made = _Made(shell)
    async for lead in _open(shell, where, batch):
        try:
            plan = await _plan(shell, lead, scheme, details, made)
            conversion = await apply_conversion(shell, plan, {})
        except (RefusedError, ConflictError, InputError, NotFoundError) as error:
            refused[lead.id] = str(error.verdict) if isinstance(error, RefusedError) else str(error)
        else:
            done[lead.id] = conversion.id
            made.remember(plan, conversion.company)
            if plan.open:
                unsure[lead.id] = _who_else(plan)
        tell(len(done) + len(refused), total)
    return report


class _Made:
    """The companies that were made in one run, by the name that leads give them."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self._by_name: dict[str, list[Company]] = {}

    def remember(self, plan: ConversionPlan, company: Company | None) -> None:
        """Keep a company that a plan has made."""
        if company is not None and plan.company.how == "new":
            self._by_name.setdefault(company_key(plan.lead.company_name), []).append(company)

    async def like(self, lead: Lead) -> Record | None:
        """Return the one company of the name that a lead gives: made in this run, else the only one known."""
        if not (name := company_key(lead.company_name)):
            return None
        key = f"company:{name}"
        known = (await known_by(self.shell.store, [key], ("company",))).get(key, [])
        for few in (self._by_name.get(name, []), known):
            fitting = [each for each in few if not _otherwise(lead, each, self.shell.business.keys)]
            if len(fitting) == 1:
                return fitting[0]
        return None


def _otherwise(lead: Lead, company: Record, policy: KeyPolicy) -> bool:
    """Whether a company has another identifier than the lead says."""
    mine, theirs = ({key for key in keys_of(one, policy) if key.startswith("id:")} for one in (lead, company))
    said = {key.split(":")[1] for key in mine} & {key.split(":")[1] for key in theirs}
    return bool(said) and mine.isdisjoint(theirs)


def _who_else(plan: ConversionPlan) -> dict[str, dict[str, str]]:
    """Return kind → id → name of who was taken and who else could have been meant."""
    asked: dict[str, dict[str, str]] = {}
    for part in plan.parts:
        few = [candidate.record for candidate in part.open]
        if few:
            taken = [part.record] if part.record is not None else []
            asked[part.kind] = {record.id: record.name for record in (*taken, *few)}
    return asked


def _check(shell: Shell, pipeline: str | None, batch: int, details: Mapping[str, Any]) -> None:
    no_unknown(details, DealDetails.__annotations__)
    act = split(details)[0]
    asked(act)
    if key := next((name for name in ("key", "expect") if act.get(name)), None):
        raise InputError(key, "is for one record", "leave it out: what is converted is not converted again")
    if pipeline is not None and shell.pipeline(pipeline).kind != "lead":
        raise InputError("leads", f"{shown(pipeline)} is no pipeline for leads")
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError("batch", f"{shown(batch)} is no number of leads", "at least 1")


async def _plan(
    shell: Shell, lead: Lead, scheme: Scheme, details: Mapping[str, Any], made: _Made
) -> ConversionPlan:
    plan = await plan_conversion(shell, lead.id, scheme, _TARGETS, details)
    if "company" in plan.searched and (company := await made.like(lead)):
        plan = await plan_conversion(shell, lead.id, scheme, {**_TARGETS, "company": company}, details)
    if plan.refusals:
        raise RefusedError(lead.id, plan.verdict)
    return plan


async def _count(shell: Shell, where: Mapping[str, str]) -> int:
    tests = " AND ".join(f"{name} = :{name}" for name in where)
    rows = await shell.store.query(f"SELECT COUNT(*) FROM lead WHERE {tests}", where)
    return int(rows[0][0])


async def _open(shell: Shell, where: Mapping[str, str], batch: int) -> AsyncIterator[Lead]:
    """Yield the open leads by id; each page is read when the one before is done with."""
    after = ""
    while page := await shell.store.find("lead", where, after=after, limit=batch):
        for lead in page:
            if isinstance(lead, Lead):
                yield lead
        after = page[-1].id
