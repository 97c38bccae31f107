"""Working without leads: what is open is converted in bulk, and inquiries make deals from then on.

Without leads a `Source` names a pipeline for deals, and its inquiries come in by `Engine.create` with
what they said of themselves: a known client is recognised, an unknown one made with the deal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from funnelkit.clients.schemes import USUAL, Scheme
from funnelkit.errors import ConflictError, InputError, NotFoundError, RefusedError, shown
from funnelkit.importing.progress import Progress, shower
from funnelkit.records import Lead
from funnelkit.storage.immediate import run
from funnelkit.verbs.acts import asked, no_unknown, split
from funnelkit.verbs.conversion import apply_conversion, plan_conversion
from funnelkit.verbs.converting.plan import ConversionPlan
from funnelkit.verbs.drafts import DealDetails
from funnelkit.verbs.shell import Shell, awaited_shell_of, shell_of

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
    asked: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        return not self.refused

    def __str__(self) -> str:
        lines = [f"{len(self.done):,} converted, {len(self.refused):,} refused"]
        lines += [f"  {id}: {why}" for id, why in self.refused.items()]
        return "\n".join(
            [*lines, *(f"  {id}: which {', '.join(kinds)}?" for id, kinds in self.asked.items())]
        )


def convert_open_leads(
    engine: Engine,
    *,
    leads: str | None = None,
    scheme: Scheme = USUAL,
    batch: int = 500,
    progress: Progress | Literal[True] | None = None,
    **details: Any,
) -> LeadsConverted:
    """Convert every open lead through the gate: each in a commit of its own, nothing dropped.

    What is refused stays open and is listed with its reason. After a stop, run it again: what is
    converted is open no more.

    Args:
        engine: Where.
        leads: The pipeline of the leads; all of them when left out.
        scheme: What each becomes.
        batch: How many leads are read at once.
        progress: Called with (leads looked at, leads open at the start); True draws a bar.
        details: `DealDetails`: where the deals start, who does it and why.

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
    return run(_converted(shell_of(engine), which, scheme, details, shower(progress)))


async def async_convert_open_leads(
    engine: AsyncEngine,
    *,
    leads: str | None = None,
    scheme: Scheme = USUAL,
    batch: int = 500,
    progress: Progress | Literal[True] | None = None,
    **details: Any,
) -> LeadsConverted:
    """Do `convert_open_leads` with an engine that is awaited."""
    which = {"pipeline": leads, "batch": batch}
    return await _converted(awaited_shell_of(engine), which, scheme, details, shower(progress))


async def _converted(
    shell: Shell, which: Mapping[str, Any], scheme: Scheme, details: Mapping[str, Any], progress: Progress
) -> LeadsConverted:
    pipeline, batch = which["pipeline"], which["batch"]
    _check(shell, pipeline, batch, details)
    if scheme.deal == "new":
        shell.only("deal", details.get("pipeline"))  # else every lead would be refused for the same want
    where = {"outcome": "", **({} if pipeline is None else {"pipeline": pipeline})}
    report = LeadsConverted(done=(done := {}), refused=(refused := {}), asked=(unsure := {}))
    total = await _count(shell, where)
    async for lead in _open(shell, where, batch):
        try:
            plan = await _plan(shell, lead, scheme, details)
            conversion = await apply_conversion(shell, plan, {})
        except (RefusedError, ConflictError, InputError, NotFoundError) as error:
            refused[lead.id] = str(error.verdict) if isinstance(error, RefusedError) else str(error)
        else:
            done[lead.id] = conversion.id
            if plan.open:
                unsure[lead.id] = tuple(plan.open)
        progress(len(done) + len(refused), total)
    return report


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


async def _plan(shell: Shell, lead: Lead, scheme: Scheme, details: Mapping[str, Any]) -> ConversionPlan:
    plan = await plan_conversion(shell, lead.id, scheme, _TARGETS, details)
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
