"""`Analytics`: every metric as a method, over anything that answers a SELECT."""

from __future__ import annotations

from funnelkit.analytics.flow.measures import FlowMeasures
from funnelkit.analytics.funnels.measures import FunnelMeasures
from funnelkit.analytics.outcomes.measures import OutcomeMeasures
from funnelkit.analytics.people.measures import PeopleMeasures
from funnelkit.analytics.times.measures import TimeMeasures

__all__ = ["Analytics"]


class Analytics(FunnelMeasures, OutcomeMeasures, TimeMeasures, FlowMeasures, PeopleMeasures):
    """What happened in the pipelines, counted from the ledger.

    Every method takes the pipeline's id (it can be left out when there is only one) and the keyword
    arguments of `Filters`: ``as_of``, ``created``, ``owner``, ``source``, ``campaign``,
    ``repeat``, ``custom``, ``by``. Every result says what it means (``result.about``), prints as a
    table and lists the records behind a cell (``result.ids(...)``).

    Args:
        source: Answers a SELECT over the tables of a store: any store of funnelkit.
        shapes: The pipelines.
        clock: What ``as_of`` is when it is not given; default: the clock of the machine.
        zone: The time zone of months, quarters and plain dates.

    >>> from funnelkit.analytics import Shape
    >>> from funnelkit.storage import MemoryStore
    >>> sales = Shape(pipeline="sales", stages=(("new", "New"), ("offer", "Offer")))
    >>> Analytics(MemoryStore(), [sales]).funnel().counts()
    {'new': 0, 'offer': 0, 'won': 0}
    """
