"""As of then: what a metric says over the whole log is what it said over the log that ended then."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analytics.histories import Place, Record, histories, hour
from tests.analytics.metrics import ASKED, METRICS, asked, reports

from funnelkit.analytics import Analytics

CLIENTS = "who a record's client is, is known as of now only"
NOW_ONLY = {
    "attribution": CLIENTS,
    "unit_economics": CLIENTS,
    "estimates": "the owner's estimate is not kept for the past",
    "potential": "the record's own is not kept for the past",
}
"""Metric → what its words say of the part that is read from the records as they are now. That part is the
same for both logs here."""


def truncated(records: list[Record], t: float) -> list[Record]:
    """Return the log of these records as it was at an hour, what happened then included."""
    known = [record._replace(events=tuple(e for e in record.events if e.t <= t)) for record in records]
    return [record for record in known if record.events]


def said(metrics: Analytics, name: str, **filters: Any) -> Any:
    """Return everything that a metric says, or the words with which it refuses."""
    try:
        result = asked(metrics, name, **filters)
    except ValueError as error:
        return str(error)
    return result.about, result.rows, result.to_dicts()


BY = st.sampled_from([None, None, "owner", "source", "month", "custom.segment"])


@given(records=histories(), t=st.integers(0, 30), by=BY)
def test_as_of_is_the_log_cut_off_there(records: list[Record], t: int, by: str | None) -> None:
    """Rows, groups, words and data quality of every metric are equal, exactly, whatever was done later."""
    whole, cut = reports(records), reports(truncated(records, t))
    for name, (metric, _) in ASKED.items():
        takes = inspect.signature(getattr(Analytics, metric)).parameters
        chosen = {"as_of": hour(t)} | ({"by": by} if by and "filters" in takes else {})
        assert said(whole, name, **chosen) == said(cut, name, **chosen), name


@pytest.mark.parametrize("name", ASKED)
def test_every_metric_can_be_asked(name: str) -> None:
    """The questions of the test above are answered, not refused, once there is a history."""
    records = [
        Record(
            "deal_0",
            0,
            "ann",
            ("EUR", 100),
            "web",
            "",
            {},
            (Place(0, "sales", "new"), Place(4, "sales", "won")),
        ),
        Record(
            "deal_1",
            1,
            "bob",
            ("EUR", 200),
            "fair",
            "",
            {},
            (Place(1, "sales", "new"), Place(9, "sales", "call")),
        ),
    ]
    assert asked(reports(records), name, as_of=hour(20)).about.as_of <= hour(20)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_takes_as_of(name: str) -> None:
    """No metric knows the present alone."""
    taken = inspect.signature(getattr(Analytics, name)).parameters
    assert "filters" in taken or "as_of" in taken


@pytest.mark.parametrize("name", NOW_ONLY)
def test_what_is_known_as_of_now_only_says_so(name: str) -> None:
    """The words of the metric or of its result name the part that does not follow as_of."""
    about = asked(reports([]), name, as_of=hour(20)).about
    words = " ".join([inspect.getdoc(getattr(Analytics, name)) or "", about.sentence, about.left_out])
    assert NOW_ONLY[name] in " ".join(words.lower().split())
