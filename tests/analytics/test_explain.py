"""Every number can be asked what it means, and answers with a formula."""

from __future__ import annotations

import pytest
from tests.analytics.histories import hour
from tests.analytics.metrics import ASKED, asked, reports
from tests.analytics.test_words import RECORDS


@pytest.mark.parametrize("name", ASKED)
def test_every_metric_explains_itself(name: str) -> None:
    """Formula, definition, population, what is left out, axis, zone, currencies and quality are said."""
    about = asked(reports(RECORDS), name, as_of=hour(20)).about
    said = dict(about.explained())
    needed = ("formula", "definition", "population", "left out", "time axis", "zone", "currency")
    assert [what for what in needed if not said.get(what, "").strip()] == []
    assert {"metric", "as of", "complete", "data quality"} <= {*said}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_explained_is_printed(name: str) -> None:
    """`explain` gives one line a thing."""
    result = asked(reports(RECORDS), name, as_of=hour(20))
    lines = result.explain().splitlines()
    assert any(line.startswith("formula") for line in lines)
    assert any(line.startswith("left out") for line in lines)
