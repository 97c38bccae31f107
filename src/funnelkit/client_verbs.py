"""What an engine does about clients and people: who is who, who came again, who holds it, who sees it.

Each verb is here twice, run on the spot for `Engine` and awaited for `AsyncEngine`; what it does is
written once, in `funnelkit.clients`, `funnelkit.people` and `funnelkit.verbs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from funnelkit.records import Company, Contact, Deal, Lead, Record
from funnelkit.storage.immediate import run
from funnelkit.verbs.acts import Act
from funnelkit.verbs.drafts import DealDetails
from funnelkit.verbs.shell import P, R, Shell

if TYPE_CHECKING:
    from funnelkit.analytics import Analytics
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.clients.converting import Conversion
    from funnelkit.clients.converting.plan import ConversionPlan
    from funnelkit.clients.duplicates import Duplicates
    from funnelkit.clients.matching import Candidates
    from funnelkit.clients.merging import Merge, MergePlan, MergeRule
    from funnelkit.clients.profile import Client
    from funnelkit.clients.rules import FuzzyNames, MatchRule
    from funnelkit.clients.schemes import Scheme
    from funnelkit.engine import Engine
    from funnelkit.people.plan_fact import PlanFacts
    from funnelkit.people.scope import Scope
    from funnelkit.people.seen_engine import AsyncSeen, Seen
    from funnelkit.people.targets import SplitTarget, Target

__all__ = ["AsyncClientVerbs", "ClientVerbs"]


class ClientVerbs:
    """The part of `Engine` that is about clients and people."""

    _shell: Shell

    # -- from inquiry to client ---------------------------------------------------------------

    def plan_conversion(
        self,
        lead: Lead | str,
        *,
        scheme: Scheme | None = None,
        deal: bool | Deal | str | None = None,
        contact: bool | Contact | str | None = None,
        company: bool | Company | str | None = None,
        **details: Unpack[DealDetails],
    ) -> ConversionPlan:
        """Return what a conversion of a lead would make, match, fill and leave; change nothing.

        Print the plan to read it, and give it to `apply`.

        Args:
            lead: The lead, or its id.
            scheme: One of `funnelkit.schemes`: what is made unless one of the next three says otherwise.
            deal: As for `Engine.convert`; a `Deal`, or the id of one, is attached to.
            contact: As for `Engine.convert`.
            company: As for `Engine.convert`.
            details: See `DealDetails`.
        """
        from funnelkit.clients.converting import plan_conversion

        targets = {"deal": deal, "contact": contact, "company": company}
        return run(plan_conversion(self._shell, lead, scheme, targets, details))

    @overload
    def apply(self, plan: ConversionPlan, **act: Unpack[Act]) -> Conversion: ...
    @overload
    def apply(self, plan: MergePlan, **act: Unpack[Act]) -> Merge: ...
    def apply(self, plan: ConversionPlan | MergePlan, **act: Unpack[Act]) -> Conversion | Merge:
        """Do what a plan says, in one commit, through the gate.

        Raises:
            ConflictError: Something that the plan looked at has changed since; make a new plan.
            RefusedError: A rule refuses.
        """
        from funnelkit.clients.plans import applied

        done: Conversion | Merge = run(applied(self._shell, plan, act))
        return done

    def undo(self, done: Conversion | Merge | str, **act: Unpack[Act]) -> Record:
        """Take a conversion or a merge back, while nothing else depends on it.

        Args:
            done: What `apply` or `convert` returned, or its ``id``.
            act: See `Act`.

        Returns:
            The lead of a conversion, the survivor of a merge, as it is now.

        Raises:
            RefusedError: Something came of it since; the error lists what.
        """
        from funnelkit.clients.plans import undone

        record: Record = run(undone(self._shell, done, act))
        return record

    # -- who is who ---------------------------------------------------------------------------

    def client(self, client: Contact | Company | str) -> Client:
        """Return the profile of a person or a company: everything that ever had to do with them.

        Raises:
            NotFoundError: There is no such contact or company.
        """
        from funnelkit.clients.profile import profile

        return run(profile(self._shell, client))

    def candidates(
        self,
        inquiry: Lead | Contact | Company | str,
        *,
        rules: Sequence[MatchRule | FuzzyNames] | None = None,
    ) -> Candidates:
        """Return the records that may be the same as this one, each with its reasons.

        Args:
            inquiry: A record, stored or not, or the id of one.
            rules: What makes two the same; `funnelkit.clients.DEFAULT_RULES` when left out.
        """
        from funnelkit.clients.finding import found_candidates

        return run(found_candidates(self._shell, inquiry, rules))

    def duplicates(
        self,
        kind: str = "contact",
        *,
        rules: Sequence[MatchRule | FuzzyNames] | None = None,
        progress: Callable[[int, int], object] | Literal[True] | None = None,
    ) -> Duplicates:
        """Return the groups of records of a kind that may be one, over the whole store.

        Args:
            kind: ``"lead"``, of which the open ones are compared, ``"contact"`` or ``"company"``.
            rules: As for `candidates`; left out, those of `DEFAULT_RULES` that are likely to be right.
            progress: Called with (keys looked at, keys that several records share); True draws a bar.

        Raises:
            InputError: There are no duplicates of such a kind, or ``progress`` cannot be called.
        """
        from funnelkit.clients.duplicates import found_duplicates

        return run(found_duplicates(self._shell, kind, rules, progress))

    def plan_merge(
        self,
        records: Iterable[P | str],
        *,
        rule: MergeRule | None = None,
        survivor: P | str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> MergePlan:
        """Return what merging records of one kind would change; change nothing.

        Args:
            records: Two to twenty leads, contacts, companies or deals, or their ids; of more, merge some
                first, for who was merged leads to who stands for it.
            rule: Who survives and whose values count; `MergeRule()` when left out.
            survivor: The one to survive, whatever the rule says.
            fields: Field → value it shall have, whatever the rule says.

        Raises:
            InputError: Fewer than two records or more than twenty, or records of several kinds.
        """
        from funnelkit.clients.merging import plan_merge

        return run(plan_merge(self._shell, records, rule, survivor, fields))

    # -- who holds it, who sees it ------------------------------------------------------------

    def claim(self, record: R | str, **act: Unpack[Act]) -> R:
        """Take a record that nobody holds: whoever is first has it, alone.

        Args:
            record: A lead or deal, or its id.
            act: See `Act`; ``actor`` is who takes it.

        Raises:
            RefusedError: Somebody else has it.
        """
        from funnelkit.people.assigning import claim

        return run(claim(self._shell, record, act))

    def share(self, record: R | str, **act: Unpack[Act]) -> R:
        """Give a record to whoever it is due to by the rule of its source.

        The hand-over says by which rule and why. When nobody can take it, it stays as it is.

        Raises:
            InputError: Its source has no sharing rule.
        """
        from funnelkit.people.assigning import share

        return run(share(self._shell, record, act))

    def achieved(self, plan: SplitTarget | Target, day: date | None = None) -> PlanFacts:
        """Return plan against fact by the end of a day: the whole, its groups and its people.

        Wins and passages are credited to who held the record then, as they stood at the end of that
        day. A part that is a group of the organisation has what its members of today have.

        Args:
            plan: A `Target`, or one that is split.
            day: Today if left out.
        """
        from funnelkit.people.achieved import achieved

        engine = cast("Engine", self)
        return achieved(
            engine.store,
            engine.analytics,
            plan,
            day,
            organisation=self._shell.business.organisation,
            clock=self._shell.clock,
            zone=self._shell.business.zone,
        )

    def seen_by(self, person: str, scope: Scope | None = None, *, storefronts: Iterable[str] = ()) -> Seen:
        """Return this engine as one person sees it: reads and reports of what they may see, no more.

        Args:
            person: The id of somebody of the organisation.
            scope: What they may see; left out, what they hold themselves.
            storefronts: The shops that are theirs, see `Source`; for a scope that asks.

        Raises:
            InputError: There is no such person.
        """
        from funnelkit.people.seen_engine import seen_by

        return seen_by(cast("Engine", self), person, scope, storefronts)


class AsyncClientVerbs:
    """The part of `AsyncEngine` that is about clients and people; see `ClientVerbs`."""

    _shell: Shell

    async def plan_conversion(
        self,
        lead: Lead | str,
        *,
        scheme: Scheme | None = None,
        deal: bool | Deal | str | None = None,
        contact: bool | Contact | str | None = None,
        company: bool | Company | str | None = None,
        **details: Unpack[DealDetails],
    ) -> ConversionPlan:
        """Return what a conversion would do; see `Engine.plan_conversion`."""
        from funnelkit.clients.converting import plan_conversion

        targets = {"deal": deal, "contact": contact, "company": company}
        return await plan_conversion(self._shell, lead, scheme, targets, details)

    @overload
    async def apply(self, plan: ConversionPlan, **act: Unpack[Act]) -> Conversion: ...
    @overload
    async def apply(self, plan: MergePlan, **act: Unpack[Act]) -> Merge: ...
    async def apply(self, plan: ConversionPlan | MergePlan, **act: Unpack[Act]) -> Conversion | Merge:
        """Do what a plan says; see `Engine.apply`."""
        from funnelkit.clients.plans import applied

        done: Conversion | Merge = await applied(self._shell, plan, act)
        return done

    async def undo(self, done: Conversion | Merge | str, **act: Unpack[Act]) -> Record:
        """Take a conversion or a merge back; see `Engine.undo`."""
        from funnelkit.clients.plans import undone

        record: Record = await undone(self._shell, done, act)
        return record

    async def client(self, client: Contact | Company | str) -> Client:
        """Return the profile of a person or a company; see `Engine.client`."""
        from funnelkit.clients.profile import profile

        return await profile(self._shell, client)

    async def candidates(
        self,
        inquiry: Lead | Contact | Company | str,
        *,
        rules: Sequence[MatchRule | FuzzyNames] | None = None,
    ) -> Candidates:
        """Return the records that may be the same as this one; see `Engine.candidates`."""
        from funnelkit.clients.finding import found_candidates

        return await found_candidates(self._shell, inquiry, rules)

    async def duplicates(
        self,
        kind: str = "contact",
        *,
        rules: Sequence[MatchRule | FuzzyNames] | None = None,
        progress: Callable[[int, int], object] | Literal[True] | None = None,
    ) -> Duplicates:
        """Return the groups of records that may be one; see `Engine.duplicates`."""
        from funnelkit.clients.duplicates import found_duplicates

        return await found_duplicates(self._shell, kind, rules, progress)

    async def plan_merge(
        self,
        records: Iterable[P | str],
        *,
        rule: MergeRule | None = None,
        survivor: P | str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> MergePlan:
        """Return what merging records would change; see `Engine.plan_merge`."""
        from funnelkit.clients.merging import plan_merge

        return await plan_merge(self._shell, records, rule, survivor, fields)

    async def claim(self, record: R | str, **act: Unpack[Act]) -> R:
        """Take a record that nobody holds; see `Engine.claim`."""
        from funnelkit.people.assigning import claim

        return await claim(self._shell, record, act)

    async def share(self, record: R | str, **act: Unpack[Act]) -> R:
        """Give a record to whoever it is due to; see `Engine.share`."""
        from funnelkit.people.assigning import share

        return await share(self._shell, record, act)

    async def achieved(self, plan: SplitTarget | Target, day: date | None = None) -> PlanFacts:
        """Return plan against fact by the end of a day; see `Engine.achieved`."""
        from funnelkit.people.achieved import achieved
        from funnelkit.storage.threads import FromThread  # it loads asyncio

        engine = cast("AsyncEngine", self)
        business, clock = self._shell.business, self._shell.clock
        source = FromThread(engine.store)  # here, where the loop is that it asks from the thread

        def ask(analytics: Analytics) -> PlanFacts:
            return achieved(
                source,
                analytics,
                plan,
                day,
                organisation=business.organisation,
                clock=clock,
                zone=business.zone,
            )

        return await engine.report(ask)

    def seen_by(
        self, person: str, scope: Scope | None = None, *, storefronts: Iterable[str] = ()
    ) -> AsyncSeen:
        """Return this engine as one person sees it; see `Engine.seen_by`."""
        from funnelkit.people.seen_engine import async_seen_by

        return async_seen_by(cast("AsyncEngine", self), person, scope, storefronts)
