"""Who sees what, as data: a `Scope` for everybody, and what it comes to for one person.

A scope is made of named ones with ``|`` (either) and ``&`` (both). Resolved for a person it is a
`Visible`: one condition on the columns ``owner`` and ``lead_source``, always of the same shape::

    owner is one of A   or   lead_source is one of S and owner is one of B

where A and B name the owners that are in it, or those that are not. Such sets are closed under
"either" and "both", so every scope comes to this, and two scopes with one meaning to one value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import reduce
from typing import Any, Protocol

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.inputs import text
from funnelkit.people.organisation import Organisation
from funnelkit.sql import in_list

__all__ = ["Owners", "Scope", "Visible"]

_PREFIX = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\.)?")

Term = frozenset[str]
"""Names of scopes that all have to hold."""


class _Held(Protocol):
    """What has an owner and a source: leads, deals, contacts, companies."""

    @property
    def owner(self) -> str: ...
    @property
    def source(self) -> str: ...


@attrs.frozen(repr=False)
class Scope:
    """What somebody may see, in words that are the same for all; `resolve` says what it is for one.

    Attributes:
        terms: Any of these has to hold, and all names in it.

    >>> shop = (Scope.own() | Scope.unclaimed()) & Scope.storefront()
    >>> shop
    Scope(own & storefront | storefront & unclaimed)
    >>> from funnelkit.people.organisation import Organisation, Person
    >>> print(shop.resolve("ann", Organisation([Person("ann"), Person("bob")]), sources={"web"}))
    from 'web': held by all but 'bob'
    """

    terms: frozenset[Term]

    @classmethod
    def own(cls) -> Scope:
        """See what oneself holds.

        >>> Scope.own()
        Scope(own)
        """
        return _named("own")

    @classmethod
    def unclaimed(cls) -> Scope:
        """See what nobody holds: no owner, or one who is nobody of the organisation any more.

        >>> Scope.unclaimed() & Scope.storefront()
        Scope(storefront & unclaimed)
        """
        return _named("unclaimed")

    @classmethod
    def own_and_unclaimed(cls) -> Scope:
        """See what oneself holds and what nobody holds. What somebody takes, the others lose sight of.

        >>> Scope.own_and_unclaimed() == Scope.own() | Scope.unclaimed()
        True
        """
        return cls.own() | cls.unclaimed()

    @classmethod
    def headed(cls) -> Scope:
        """See what is held in the groups that one heads, and in all groups within them.

        >>> Scope.own() | Scope.headed()
        Scope(headed | own)
        """
        return _named("headed")

    @classmethod
    def group(cls) -> Scope:
        """See what oneself, the others of one's groups and all below oneself as a head hold.

        >>> Scope.group()
        Scope(group)
        """
        return _named("group")

    @classmethod
    def storefront(cls) -> Scope:
        """See what came from one's own storefronts, whoever holds it.

        >>> Scope.own() | Scope.storefront()
        Scope(own | storefront)
        """
        return _named("storefront")

    @classmethod
    def everything(cls) -> Scope:
        """See all there is.

        >>> Scope.everything() & Scope.storefront() == Scope.storefront()
        True
        """
        return Scope(frozenset([frozenset()]))

    def __or__(self, other: Scope) -> Scope:
        if not isinstance(other, Scope):
            return NotImplemented
        return _least(self.terms | other.terms)

    def __and__(self, other: Scope) -> Scope:
        if not isinstance(other, Scope):
            return NotImplemented
        return _least({one | two for one in self.terms for two in other.terms})

    def resolve(self, person: str, organisation: Organisation, sources: Iterable[str] = ()) -> Visible:
        """Return what a person sees.

        Args:
            person: The id of somebody of the organisation.
            organisation: Who holds records, and who is in which group.
            sources: The sources (``lead_source``) that are the person's storefronts.

        Raises:
            InputError: There is no such person, so nothing may be seen; or a source without a name.
        """
        organisation.person(person)
        shops = frozenset(text(source, "sources", required=True) for source in _names(sources))
        seen = [_resolved(term, person, organisation, shops) for term in self.terms]
        return reduce(Visible.__or__, seen, Visible())

    def __str__(self) -> str:
        return " | ".join(sorted(" & ".join(sorted(term)) or "everything" for term in self.terms))

    def __repr__(self) -> str:
        return f"Scope({self})"


def _named(name: str) -> Scope:
    return Scope(frozenset([frozenset([name])]))


def _least(terms: Iterable[Term]) -> Scope:
    """Leave out every term that another one implies: ``own & storefront`` says no more than ``own``."""
    every = frozenset(terms)
    return Scope(frozenset(term for term in every if not any(other < term for other in every)))


def _resolved(term: Term, person: str, organisation: Organisation, sources: frozenset[str]) -> Visible:
    owners = [_owners(name, person, organisation) for name in term if name != "storefront"]
    both = reduce(Owners.__and__, owners, EVERYBODY)
    return Visible(within=both, sources=sources) if "storefront" in term else Visible(anywhere=both)


def _owners(name: str, person: str, organisation: Organisation) -> Owners:
    match name:
        case "own":
            return Owners({person})
        case "headed":
            return Owners(organisation.seen_by_head(person))
        case "group":
            below = organisation.seen_by_head(person)
            return Owners({person} | below | organisation.colleagues(person))
        case "unclaimed":
            return Owners(organisation.ids, others=True)
    raise InputError("terms", f"{shown(name)} is no scope", "make scopes by Scope.own() and the like")


def _names(value: Iterable[str]) -> frozenset[str]:
    if isinstance(value, str):
        raise InputError("names", f"{shown(value)} is one name", f"give [{shown(value)}]")
    return frozenset(value)


@attrs.frozen
class Owners:
    """A set of owners: those that are named, or all others. A record without an owner has owner ``""``.

    >>> Owners({"ann"}) | Owners({"ann", "bob"}, others=True)
    Owners(names=frozenset({'bob'}), others=True)
    >>> "" in Owners({"ann", "bob"}, others=True)
    True
    """

    names: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    others: bool = attrs.field(default=False, kw_only=True)

    def __contains__(self, owner: object) -> bool:
        return (owner in self.names) is not self.others

    def __and__(self, other: Owners) -> Owners:
        match self.others, other.others:
            case False, False:
                return Owners(self.names & other.names)
            case False, True:
                return Owners(self.names - other.names)
            case True, False:
                return Owners(other.names - self.names)
            case _:
                return Owners(self.names | other.names, others=True)

    def __or__(self, other: Owners) -> Owners:
        return ~(~self & ~other)

    def __invert__(self) -> Owners:
        return Owners(self.names, others=not self.others)

    def __str__(self) -> str:
        names = ", ".join(map(repr, sorted(self.names)))
        if self.others:
            return f"all but {names}" if names else "anybody or nobody"
        return names or "none"


EVERYBODY = Owners(others=True)
NO_ONE = Owners()


@attrs.frozen
class Visible:
    """What one person sees: a value, a test of a record, and a condition in SQL, which agree.

    Attributes:
        anywhere: The owners whose records are seen wherever they came from.
        within: The owners whose records are seen if they came from ``sources``; includes ``anywhere``.
        sources: The person's storefronts, where they matter.

    >>> unclaimed = Owners({"ann", "bob"}, others=True)
    >>> visible = Visible(Owners({"ann"}), within=unclaimed, sources={"web"})
    >>> print(visible)
    held by 'ann'; from 'web': held by all but 'bob'
    >>> visible.condition("deal.")[0]
    '(deal.owner IN (:seen_a1) OR (deal.lead_source IN (:seen_s1) AND deal.owner NOT IN (:seen_b1)))'
    """

    anywhere: Owners = NO_ONE
    within: Owners = attrs.field(default=NO_ONE, kw_only=True)
    sources: frozenset[str] = attrs.field(default=frozenset(), converter=_names, kw_only=True)

    def __attrs_post_init__(self) -> None:
        # One value for one meaning: what is seen anywhere is seen within, and idle sources are dropped.
        within = self.within | self.anywhere if self.sources else self.anywhere
        object.__setattr__(self, "within", within)
        if within == self.anywhere:
            object.__setattr__(self, "sources", frozenset())

    @property
    def everything(self) -> bool:
        """Whether there is nothing that is not seen."""
        return self.anywhere == EVERYBODY

    @property
    def nothing(self) -> bool:
        """Whether there is nothing that is seen."""
        return self.within == NO_ONE

    def __or__(self, other: Visible) -> Visible:
        """Return what one or the other sees, for one person, whose storefronts are the same."""
        if self.sources and other.sources and self.sources != other.sources:
            raise InputError("sources", "the storefronts of two people", "resolve one scope for one person")
        within, sources = self.within | other.within, self.sources | other.sources
        return Visible(self.anywhere | other.anywhere, within=within, sources=sources)

    def covers(self, owner: str, lead_source: str) -> bool:
        """Whether a record of that owner from that source is seen.

        >>> Visible(Owners({"ann"})).covers("ann", "web"), Visible(Owners({"ann"})).covers("", "web")
        (True, False)
        """
        return owner in (self.within if lead_source in self.sources else self.anywhere)

    def sees(self, record: _Held) -> bool:
        """Whether a lead, deal, contact or company is seen.

        >>> from funnelkit import Engine, Pipeline, Stage
        >>> deal = Engine(Pipeline("sales", [Stage("new")])).create("Acme", owner="bob", source="web")
        >>> Visible(Owners({"ann"})).sees(deal), Visible(Owners({"bob"})).sees(deal)
        (False, True)
        """
        return self.covers(record.owner, record.source)

    def condition(self, prefix: str = "") -> tuple[str, dict[str, str]]:
        """Return the same in SQL: a condition, and its parameters by name.

        The condition is in brackets or needs none. Names of parameters begin with ``seen_``; one
        condition may stand several times in one statement, with one set of parameters.

        Args:
            prefix: What stands before the columns: ``"deal."``, or nothing.

        Raises:
            InputError: The prefix is not a name and a dot.

        >>> Visible(EVERYBODY).condition(), Visible().condition()
        (('1 = 1', {}), ('1 = 0', {}))
        >>> Visible(Owners({"bob", "ann"})).condition("m.")
        ('m.owner IN (:seen_a1, :seen_a2)', {'seen_a1': 'ann', 'seen_a2': 'bob'})
        """
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise InputError("prefix", f"{shown(prefix)} is not a name and a dot", 'write "deal."')
        params: dict[str, str] = {}
        anywhere = _among(f"{prefix}owner", self.anywhere, "a", params)
        if not self.sources:
            return anywhere, params
        source = _among(f"{prefix}lead_source", Owners(self.sources), "s", params)
        within = source
        if self.within != EVERYBODY:
            within = f"({source} AND {_among(f'{prefix}owner', self.within, 'b', params)})"
        return within if self.anywhere == NO_ONE else f"({anywhere} OR {within})", params

    def ranges(self, prefix: str = "") -> tuple[str, ...]:
        """Return conditions that together say the same, no two of which hold for one record.

        Each names one owner or one source first, so that it is a range of an index on these, in the
        order of ids behind it. Empty where there is no such way: all but some are seen anywhere.
        Parameters are those of `condition`.

        Args:
            prefix: As for `condition`.

        >>> Visible(Owners({"bob", "ann"})).ranges()
        ('owner = :seen_a1', 'owner = :seen_a2')
        >>> Visible(Owners({"ann"}), within=Owners(others=True), sources={"web"}).ranges()
        ('owner = :seen_a1', 'lead_source = :seen_s1 AND owner NOT IN (:seen_a1)')
        """
        if self.anywhere.others:
            return ()
        owner, source = f"{prefix}owner", f"{prefix}lead_source"
        held = [f"{owner} = :seen_a{number}" for number in range(1, len(self.anywhere.names) + 1)]
        if not self.sources:
            return tuple(held)
        idle: dict[str, str] = {}
        if not self.within.others:
            named = enumerate(sorted(self.within.names), 1)
            more = [f"{owner} = :seen_b{number}" for number, name in named if name not in self.anywhere]
            shops = _among(source, Owners(self.sources), "s", idle)
            return (*held, *(f"{each} AND {shops}" for each in more))
        rest = [_among(owner, ~self.anywhere, "a", idle), _among(owner, self.within, "b", idle)]
        but = "".join(f" AND {each}" for each in rest if each != _TRUE)
        return (*held, *(f"{source} = :seen_s{number}{but}" for number in range(1, len(self.sources) + 1)))

    def __str__(self) -> str:
        if self.everything or self.nothing:
            return "everything" if self.everything else "nothing"
        told = [f"held by {self.anywhere}"] if self.anywhere != NO_ONE else []
        if self.sources:
            sources = ", ".join(map(repr, sorted(self.sources)))
            told.append(f"from {sources}: held by {self.within}")
        return "; ".join(told)


_TRUE = "1 = 1"


def _among(column: str, owners: Owners, letter: str, params: dict[str, Any]) -> str:
    """Return the condition that a column is one of these, and add its parameters."""
    if not owners.names:
        return _TRUE if owners.others else "1 = 0"
    names, own = in_list(sorted(owners.names), f"seen_{letter}")
    params |= own
    return f"{column} {'NOT IN' if owners.others else 'IN'} ({names})"
