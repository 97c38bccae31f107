"""The plan of a merge as data, what speaks against it, and how it reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from funnelkit.clients.fields import told
from funnelkit.clients.merging.dependants import Dependant
from funnelkit.errors import shown
from funnelkit.gate.refusals import named
from funnelkit.records import Deal, Lead, Record
from funnelkit.stages import Refusal
from funnelkit.storage.base import Kind, kind_of

__all__ = ["Left", "MergePlan", "Taken", "against"]


@attrs.frozen(kw_only=True)
class Taken:
    """A field of the survivor that will have another value.

    Attributes:
        field: Its name, ``"custom.<name>"`` of a custom one.
        before, after: What it says, and what it will say.
        whose: Id of the record that says so; empty for a value that was given or joined.
    """

    field: str
    before: Any
    after: Any
    whose: str = ""


@attrs.frozen(kw_only=True)
class Left:
    """Something that a loser says otherwise, which is not taken over.

    Attributes:
        field: Its name.
        value: What the loser says.
        whose: Id of the loser.
        kept: What the survivor says.
    """

    field: str
    value: Any
    whose: str
    kept: Any

    def __str__(self) -> str:
        return f"{self.field} {told(self.value)} of {self.whose}: stays {told(self.kept)}"


@attrs.frozen(kw_only=True)
class MergePlan:
    """What a merge would do. Print it to read it; give it to `Engine.apply` to do it.

    Attributes:
        survivor: The record that stays, as it was read. If it changes, or another record of the plan
            does, the plan is void.
        losers: Those that it will stand for, as they were read, the best first. Leads and deals
            become void, never lost.
        fields: What the survivor will say otherwise.
        left: What losers say otherwise, and is not taken over.
        dependants: The records that will belong to the survivor.
        refusals: What speaks against it, as things are now; `Engine.apply` would raise them.

    >>> from funnelkit import Engine
    >>> engine = Engine()
    >>> ada = engine.create_contact("Ada Lovelace", email="ada@acme.example", id="c1")
    >>> again = engine.create_contact("Ada L.", email="ada@acme.example", phone="+44 20 1", id="c2")
    >>> print(engine.plan_merge([ada, again]))
    merge of 2 contacts into 'Ada Lovelace' (c1), v1
      loser      'Ada L.' (c2), v1
      field      phone  ''  →  '+44 20 1'  of c2
      left       name 'Ada L.' of c2: stays 'Ada Lovelace'
    """

    survivor: Any
    losers: tuple[Any, ...]
    fields: tuple[Taken, ...] = ()
    left: tuple[Left, ...] = ()
    dependants: tuple[Dependant, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def kind(self) -> Kind:
        """What is merged: ``"lead"``, ``"deal"``, ``"contact"`` or ``"company"``."""
        return kind_of(self.survivor)

    @property
    def records(self) -> tuple[Any, ...]:
        """The survivor and the losers."""
        return (self.survivor, *self.losers)

    def __bool__(self) -> bool:
        return not self.refusals

    def __str__(self) -> str:
        kinds = {"company": "companies"}.get(self.kind, f"{self.kind}s")
        head = f"merge of {len(self.records)} {kinds} into {_who(self.survivor)}"
        return "\n".join([head, *_lines(self)])


def _lines(plan: MergePlan) -> Iterator[str]:
    for loser in plan.losers:
        yield f"  loser      {_who(loser)}{_end(loser)}"
    names = max((len(item.field) for item in plan.fields), default=0)
    for item in plan.fields:
        of = f"  of {item.whose}" if item.whose else ""
        yield f"  field      {item.field:{names}}  {told(item.before)}  →  {told(item.after)}{of}"
    for left in plan.left:
        yield f"  left       {left}"
    for dependant in plan.dependants:
        yield f"  dependant  {dependant}"
    for refusal in plan.refusals:
        yield f"  refused    {refusal}"


def _who(record: Record) -> str:
    return f"{shown(record.name)} ({record.id}), v{record.version}"


def _end(record: Record) -> str:
    if not isinstance(record, Lead | Deal):
        return ""
    return f", {record.outcome or 'open'}" + ("" if record.outcome == "void" else ", becomes void")


# -- what speaks against it --------------------------------------------------------------------


def against(survivor: Record, losers: Sequence[Record]) -> list[Refusal]:
    """Return what forbids a merge whoever asks for it: no override passes over it."""
    if isinstance(survivor, Deal):
        return _sales([survivor, *losers])
    if isinstance(survivor, Lead):
        return _converted([survivor, *losers])
    return []


def _sales(records: Sequence[Any]) -> list[Refusal]:
    won = [deal for deal in records if deal.outcome == "won"]
    if len(won) > 1:
        sentence = f"{' and '.join(map(named, won))} are both won: those are two sales"
        return [Refusal("two_sales", sentence, fix="reopen one of them, if it was no sale")]
    if won and records[0].outcome != "won":
        sentence = f"{named(won[0])} is won, and a sale is not void"
        return [Refusal("won", sentence, field="survivor", fix=f"let {won[0].id} survive")]
    return []


def _converted(records: Sequence[Any]) -> list[Refusal]:
    survivor, *losers = records
    same = {lead.deal for lead in records} == {survivor.deal} and survivor.deal
    if same and all(lead.outcome == "won" for lead in records):
        return []
    return [
        Refusal(
            "converted",
            f"{named(lead)} is converted, and not into the same deal as all the others",
            field="survivor",
            fix=f"let {lead.id} survive, or undo its conversion",
        )
        for lead in losers
        if lead.outcome == "won"
    ]
