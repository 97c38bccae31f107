"""Everything that a result calls by a name has a Russian name, too."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import attrs
import pytest
from tests.analytics.histories import Place, Record, hour
from tests.analytics.metrics import ASKED, asked, reports

import funnelkit.analytics
from funnelkit.analytics.funnels.plans import DEFINITIONS
from funnelkit.analytics.result import Row
from funnelkit.analytics.words import RUSSIAN, words_in

RECORDS = [
    Record(
        "deal_0", 0, "ann", ("EUR", 100), "web", "", {}, (Place(0, "sales", "new"), Place(4, "sales", "won"))
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
SYMBOLS = {"p", "q", "z", "cac", "ltv", "romi"}
"""Names that are the same in Russian."""


def rows_below(of: type[Row]) -> Iterator[type[Row]]:
    """Yield every class of rows."""
    for found in of.__subclasses__():
        yield found
        yield from rows_below(found)


def every_row() -> list[type[Row]]:
    """Return the classes of rows of every module of the metrics."""
    for module in pkgutil.walk_packages(funnelkit.analytics.__path__, "funnelkit.analytics."):
        import_module(module.name)
    found = {row.__qualname__ + row.__module__: row for row in rows_below(Row)}
    return [row for name, row in sorted(found.items()) if row.__module__.startswith("funnelkit.")]


def is_russian(name: str) -> bool:
    """Whether a name has a Russian one, written in Russian letters but for symbols."""
    text = words_in("ru")(name)
    return name in SYMBOLS or (text != name.replace("_", " ") and bool(re.search("[а-яё%]", text)))


@pytest.mark.parametrize("row", every_row(), ids=lambda row: row.__name__)
def test_every_column_is_named(row: type[Row]) -> None:
    """No column of any result keeps its English name."""
    columns = [field.name for field in attrs.fields(row) if not field.name.startswith("_")]
    assert [name for name in columns if not is_russian(name)] == []


@pytest.mark.parametrize("name", ASKED)
def test_every_metric_and_definition_is_named(name: str) -> None:
    """The first line of a table is Russian up to the name of the pipeline, and so is every column."""
    result = asked(reports(RECORDS), name, as_of=hour(20))
    columns = {column for row in result.rows for column in row.values()}
    names = [result.about.metric, result.about.definition, *columns]
    assert [word for word in names if not is_russian(word)] == []


@pytest.mark.parametrize("by", ["owner", "source", "campaign", "repeat", "month", "quarter", "custom.size"])
def test_every_grouping_is_named(by: str) -> None:
    """What rows are grouped by is said in Russian; only the name of a custom field is the user's own."""
    assert words_in("ru")(f"by {by}").startswith("по ")
    assert words_in("en")(f"by {by}") == f"by {by}"


def test_every_definition_of_a_funnel_is_named() -> None:
    """Those that nobody asked for, too."""
    assert [name for name in DEFINITIONS if not is_russian(name)] == []


def test_a_name_with_something_inside_keeps_it() -> None:
    """The part that differs stays, or is named itself."""
    said = words_in("ru")
    assert said("90 % had left") == "90 % уже ушли"
    assert said("new to won") == "от «new» до «выиграно»"
    assert said("mix by custom.size") == "состав по custom.size"


def test_no_two_columns_of_a_result_have_one_name() -> None:
    """A reader can tell the columns of a table apart."""
    for row in every_row():
        names = [RUSSIAN.get(field.name, field.name) for field in attrs.fields(row)]
        assert len(names) == len(set(names)), row
