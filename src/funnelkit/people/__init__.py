"""People: who works here, who sees what, who gets the next record, and who is to reach what.

What is imported here is data and pure functions, but for `handovers`, which reads the feed.
"""

from __future__ import annotations

from funnelkit.people.apportion import Amount, Weight, apportion
from funnelkit.people.handovers import Handovers, async_handovers, handovers
from funnelkit.people.organisation import Away, Group, Organisation, Person
from funnelkit.people.plan_fact import PlanFact, PlanFacts, plan_facts
from funnelkit.people.scope import Owners, Scope, Visible
from funnelkit.people.sharing import (
    Assignment,
    Facts,
    FirstOf,
    LeastBusy,
    PersonalManager,
    Quota,
    RoundRobin,
    SharingRule,
    daily_quota,
    deal_out,
)
from funnelkit.people.targets import SplitTarget, Target

__all__ = [
    "Amount",
    "Assignment",
    "Away",
    "Facts",
    "FirstOf",
    "Group",
    "Handovers",
    "LeastBusy",
    "Organisation",
    "Owners",
    "Person",
    "PersonalManager",
    "PlanFact",
    "PlanFacts",
    "Quota",
    "RoundRobin",
    "Scope",
    "SharingRule",
    "SplitTarget",
    "Target",
    "Visible",
    "Weight",
    "apportion",
    "async_handovers",
    "daily_quota",
    "deal_out",
    "handovers",
    "plan_facts",
]
