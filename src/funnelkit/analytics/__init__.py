"""What is measured: funnels, flow, times, outcomes, people, and what is on the table."""

from funnelkit.analytics.funnels.funnel import Fate, Funnel, FunnelRow
from funnelkit.analytics.funnels.plans import Exclusion
from funnelkit.analytics.intervals import Estimate, Rate, wilson
from funnelkit.analytics.measures import Analytics
from funnelkit.analytics.result import About, Result
from funnelkit.analytics.scope import Filters, Shape
from funnelkit.analytics.times.aging import Aging, AgingFacts
from funnelkit.analytics.times.hours import WorkingHours
from funnelkit.analytics.times.incidence import aalen_johansen
from funnelkit.analytics.times.survival import kaplan_meier

__all__ = [
    "About",
    "Aging",
    "AgingFacts",
    "Analytics",
    "Estimate",
    "Exclusion",
    "Fate",
    "Filters",
    "Funnel",
    "FunnelRow",
    "Rate",
    "Result",
    "Shape",
    "WorkingHours",
    "aalen_johansen",
    "kaplan_meier",
    "wilson",
]
