"""`Analytics`: every metric as a method, over anything that answers a SELECT."""

from __future__ import annotations

from funnelkit.analytics.chances.measures import ChanceMeasures
from funnelkit.analytics.cohorts.measures import CohortMeasures
from funnelkit.analytics.drift.measures import DriftMeasures
from funnelkit.analytics.flow.measures import FlowMeasures
from funnelkit.analytics.forecasts.measures import ForecastMeasures
from funnelkit.analytics.funnels.measures import FunnelMeasures
from funnelkit.analytics.leaks.measures import LeakMeasures
from funnelkit.analytics.money.measures import MoneyMeasures
from funnelkit.analytics.outcomes.measures import OutcomeMeasures
from funnelkit.analytics.people.measures import PeopleMeasures
from funnelkit.analytics.scores.measures import ScoreMeasures
from funnelkit.analytics.times.measures import TimeMeasures

__all__ = ["Analytics"]


class Analytics(
    FunnelMeasures,
    OutcomeMeasures,
    CohortMeasures,
    TimeMeasures,
    FlowMeasures,
    LeakMeasures,
    MoneyMeasures,
    ScoreMeasures,
    PeopleMeasures,
    ChanceMeasures,
    DriftMeasures,
    ForecastMeasures,
):
    """What happened in the pipelines, counted from the ledger.

    Every method takes the pipeline's id (it can be left out when there is only one) and the keyword
    arguments of `Filters`: ``as_of``, ``created``, ``owner``, ``source``, ``campaign``,
    ``repeat``, ``custom``, ``by``. Every result says what it means (``result.about``), prints as a
    table and lists the records behind a cell (``result.ids(...)``).

    Args:
        source: Holds the tables of a store: any store of funnelkit, a DuckDB connection, a client of
            clickhouse-connect, a session of chdb, a Spark session. `funnelkit.attach` shows an engine
            the tables of an export.
        shapes: The pipelines; default: as the source knows them, each as its newest move found it.
        clock: What ``as_of`` is when it is not given; default: the clock of the machine.
        zone: The time zone of months, quarters and plain dates.

    Raises:
        InputError: No such source; or no shapes, and nothing has ever moved in it.

    >>> from funnelkit.analytics import Shape
    >>> from funnelkit.storage import MemoryStore
    >>> sales = Shape(pipeline="sales", stages=(("new", "New"), ("offer", "Offer")))
    >>> Analytics(MemoryStore(), [sales]).funnel().counts()
    {'new': 0, 'offer': 0, 'won': 0}
    """
