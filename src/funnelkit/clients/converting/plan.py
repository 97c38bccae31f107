"""The plan of a conversion as data, and how it reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from funnelkit.clients.fields import told, value_of
from funnelkit.clients.matching import Candidate
from funnelkit.errors import shown
from funnelkit.records import NOTHING, Company, Contact, Deal, FrozenMapping, Lead, Repeat
from funnelkit.stages import Refusal, Verdict
from funnelkit.storage.base import Kind

__all__ = ["NEW", "SIDES", "ConversionPlan", "Left", "Part"]

SIDES: tuple[Kind, ...] = ("contact", "company", "deal")
"""What a lead can become."""

_REPEATS = {"": "", "deal": "a repeat deal: they have bought before", "inquiry": "they have asked before"}


@attrs.frozen(kw_only=True)
class Part:
    """What a lead becomes of one kind: something new, something that is there, or nothing.

    Attributes:
        kind: ``"contact"``, ``"company"`` or ``"deal"``.
        how: ``"new"``, ``"existing"`` or ``"none"``.
        why: Why it is an existing one, in words.
        record: The existing record as it was read.
        fields: Of a new one all fields, of an existing one the blanks to fill; field → value.
        open: Records that may be the same, where it is not sure which: to be told, else there will be
            a new one. Of an existing one those that have its e-mail address as well and are younger.
    """

    kind: Kind
    how: Literal["new", "existing", "none"] = "none"
    why: str = ""
    record: Any = None
    fields: Mapping[str, Any] = NOTHING
    open: tuple[Candidate, ...] = ()

    @property
    def name(self) -> str:
        """What it is called, or will be."""
        return str(self.record.name if self.record is not None else self.fields.get("name", ""))


@attrs.frozen
class Left:
    """Something a lead says that nothing is made of.

    Attributes:
        field: The field of the lead.
        value: What it says.
        target: The field of an existing record that says something else, such as ``"contact.email"``;
            empty when the value goes nowhere.
        kept: What is said there, and stays.
    """

    field: str
    value: Any
    target: str = ""
    kept: Any = None

    def __str__(self) -> str:
        why = f"{self.target} stays {told(self.kept)}" if self.target else "goes nowhere"
        return f"{self.field} {told(self.value)}: {why}"


@attrs.frozen(kw_only=True)
class ConversionPlan:
    """What a conversion of a lead would do. Print it to read it; give it to `Engine.apply` to do it.

    Attributes:
        lead: The lead as it was read. If it changes, or an existing record does, the plan is void.
        contact, company, deal: What it becomes, one `Part` each.
        left: What the lead says that nothing is made of.
        refusals: What the gate says against it, as things are now; `Engine.apply` would raise them.
        repeat: The mark that the new deal gets; see `Deal`.
        done: The lead is converted already: `Engine.apply` answers what it became.
        scheme: The id of the scheme.
        searched: The kinds of which there will be a new one because nobody was surely meant.
            `Engine.apply` looks again: if somebody is by then, the plan is void.
        act: Who and why, as given with the plan; what `Engine.apply` is given comes before it.

    >>> from funnelkit import Engine, Pipeline, Stage, templates
    >>> engine = Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]))
    >>> ada = engine.create_contact("Ada Lovelace", email="ada@acme.example")
    >>> lead = engine.capture("Ada L.", email="ada@acme.example", company_name="Acme", phone="+44 20 1")
    >>> print(engine.plan_conversion(lead))
    conversion of lead 'Ada L.', v1
      contact  existing  Ada Lovelace  same e-mail: ada@acme.example (1.00)
      company  new       Acme
      deal     new       Ada L., Acme  sales/new
      fill     contact.phone    ''  →  '+44 20 1'
      fill     contact.company  ''  →  '(new)'
      left     name 'Ada L.': contact.name stays 'Ada Lovelace'
    """

    lead: Lead
    contact: Part
    company: Part
    deal: Part
    left: tuple[Left, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    repeat: Repeat = ""
    done: bool = False
    scheme: str = ""
    searched: tuple[Kind, ...] = ()
    act: FrozenMapping = attrs.field(default=NOTHING, repr=False)

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        """The three parts."""
        return (self.contact, self.company, self.deal)

    @property
    def created(self) -> dict[Kind, Mapping[str, Any]]:
        """Kind → the fields of the record that will be made."""
        return {part.kind: part.fields for part in self.parts if part.how == "new"}

    @property
    def matched(self) -> dict[Kind, Contact | Company | Deal]:
        """Kind → the existing record that will be used."""
        return {part.kind: part.record for part in self.parts if part.how == "existing"}

    @property
    def filled(self) -> dict[str, tuple[Any, Any]]:
        """``"contact.email"`` → (what is there, always a blank; what will be there)."""
        return {
            f"{part.kind}.{field}": (value_of(part.record, field), value)
            for part in self.parts
            if part.how == "existing"
            for field, value in part.fields.items()
        }

    @property
    def open(self) -> dict[str, tuple[Candidate, ...]]:
        """Kind → the records that may be the same; say which one with ``contact=`` or ``company=``."""
        return {part.kind: part.open for part in self.parts if part.open}

    @property
    def verdict(self) -> Verdict:
        """What is said against it, as one verdict."""
        return Verdict("convert", self.refusals)

    def __bool__(self) -> bool:
        return not self.refusals

    def __str__(self) -> str:
        head = f"conversion of lead {shown(self.lead.name)}, v{self.lead.version}"
        return "\n".join([f"{head}: it is converted already" if self.done else head, *_lines(self)])


def _lines(plan: ConversionPlan) -> Iterator[str]:
    names = max(len(part.name) for part in plan.parts)
    for part in plan.parts:
        more = part.why
        if part.kind == "deal" and part.how == "new":
            where = f"{part.fields['pipeline']}/{part.fields['stage']}"
            more = "  ".join(filter(None, [where, _REPEATS[plan.repeat]]))
        yield f"  {part.kind:7}  {part.how:8}  {part.name:{names}}  {more}".rstrip()
    filled = {field: (told(old), told(value)) for field, (old, value) in plan.filled.items()}
    width = max(map(len, filled), default=0)
    for field, (old, value) in filled.items():
        yield f"  fill     {field:{width}}  {old}  →  {value}"
    for left in plan.left:
        yield f"  left     {left}"
    for kind, candidates in plan.open.items():
        yield f"  open     {kind}: is it one of these, or none? Say so with {kind}="
        yield from (f"             {candidate}" for candidate in candidates)
    for refusal in plan.refusals:
        yield f"  refused  {refusal}"


NEW = "(new)"
"""Stands in a plan for the id of a record of the same conversion, which has none yet."""
