"""By which scheme one works: what becomes of a lead, as data, with the four usual ones ready. Pure.

Give one to `Engine.plan_conversion`. What is said there for one lead comes before the scheme.
"""

from __future__ import annotations

from typing import Literal, get_args

import attrs

from funnelkit.clients.fields import DEFAULT_FIELDS, FieldMap
from funnelkit.errors import DefinitionError, shown
from funnelkit.serial import Problem, did_you_mean

__all__ = ["CLIENT_FIRST", "COMES_AGAIN", "FROM_CLIENT", "QUICK_SALE", "Becomes", "FieldMap", "Scheme"]

Becomes = Literal["match", "known", "new", "none"]
"""What a lead becomes of a contact or company; see `Scheme`."""


@attrs.frozen(kw_only=True)
class Scheme:
    """What a lead becomes, unless a plan says otherwise.

    Attributes:
        id: A word for it; the journal of a conversion keeps it.
        contact, company: ``"match"``: the one that the lead is linked to, else the one that is surely the
            same by its e-mail, phone or tax number, else a new one. ``"known"``: likewise, but never a
            new one. ``"new"``: the linked one, else a new one; nobody is looked for. ``"none"``: none.
            A new company is made only of a lead that names one.
        deal: ``"new"`` or ``"none"``.
        client: Whether a client must be there in the end, known or made: else the plan is refused.
        fields: What goes where.

    Raises:
        DefinitionError: Something that cannot work; every problem is named.

    >>> Scheme(id="people", company="none", deal="none").contact
    'match'
    """

    id: str
    contact: Becomes = "match"
    company: Becomes = "match"
    deal: Literal["new", "none"] = "new"
    client: bool = False
    fields: FieldMap = DEFAULT_FIELDS

    def __attrs_post_init__(self) -> None:
        problems = []
        if not isinstance(self.id, str) or not self.id.strip():
            problems.append(Problem("id", f"{shown(self.id)} is no word"))
        for field, known in (
            ("contact", get_args(Becomes)),
            ("company", get_args(Becomes)),
            ("deal", ("new", "none")),
        ):
            value = getattr(self, field)
            if value not in known:
                problems.append(Problem(field, f"{shown(value)} is not possible", did_you_mean(value, known)))
        if (self.contact, self.company, self.deal) == ("none", "none", "none"):
            problems.append(Problem("", "a lead must become something"))
        if not isinstance(self.client, bool):
            problems.append(Problem("client", f"{shown(self.client)} is not True or False"))
        if not isinstance(self.fields, FieldMap):
            problems.append(Problem("fields", f"{shown(self.fields)} is no FieldMap"))
        if problems:
            raise DefinitionError(f"scheme {shown(self.id)}", problems)


USUAL = Scheme(id="usual")
"""A deal and its client, who is looked for first: what a plan is without a scheme."""

UNSEARCHED = Scheme(id="unsearched", contact="new", company="new")
"""The same, but nobody is looked for: what `Engine.convert` does."""

CLIENT_FIRST = Scheme(id="client_first", deal="none")
"""A lead becomes a contact and, if it names one, a company. Deals are attached to them later."""

QUICK_SALE = Scheme(id="quick_sale", contact="none", company="none")
"""A lead becomes a deal alone, which carries the names of the person and the company."""

FROM_CLIENT = Scheme(id="from_client", client=True)
"""A deal of a client, who is found or else made: there is no deal without one.

Who works so needs no leads: `Engine.create` with ``contact`` or ``company``, or with what an inquiry
says of itself. Leads that are open still come to the same by `convert_open_leads`.
"""

COMES_AGAIN = Scheme(id="comes_again", contact="known", company="known", client=True)
"""The known client who comes again: one more deal for the same client, marked as repeat; nobody new."""
