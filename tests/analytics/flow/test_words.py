"""Tables of flow, chances and drift can be read in Russian."""

from __future__ import annotations

import re

import pytest
from tests.analytics.histories import analytics, hour
from tests.analytics.test_eight_deals import PATHS, STAGES, record

METRICS = {
    "stock": {},
    "flow": {"period": (None, None)},
    "variants": {},
    "sankey": {},
    "chances": {"least": 1},
    "markov": {},
    "landmarks": {"least": 1},
    "estimates": {},
    "drift": {"within": "1h", "every": "2h", "since": hour(2), "least": 1},
    "periods": {"within": "1h", "every": "2h"},
}


@pytest.mark.parametrize("name", METRICS)
def test_every_column_and_the_title_are_russian(name: str) -> None:
    """No column and no definition keeps its English name."""
    records = [record(deal, path) for deal, path in PATHS.items()]
    metrics = analytics(records, {"sales": STAGES}, now=99)
    title, _, head, *_ = str(getattr(metrics, name)(**METRICS[name]).labelled("ru")).splitlines()
    words = f"{title.partition(' по воронке ')[0]}  {head}"
    assert [word for word in re.split(r"\s{2,}", words) if re.search("[a-z]{2}", word)] == []
