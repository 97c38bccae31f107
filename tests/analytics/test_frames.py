"""Data frames: every column of every row, where the value stands, of one type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analytics.histories import Place, Record, analytics, hour
from tests.analytics.metrics import ASKED, asked, reports

from funnelkit.analytics import Analytics, Rate
from funnelkit.analytics.intervals import Estimate
from funnelkit.analytics.rendering import columns_of
from funnelkit.money import Money, money

FRAMES = {"pandas": "to_pandas", "polars": "to_polars", "pyarrow": "to_arrow"}


def deal(number: int, value: tuple[str, int], path: Iterable[str], size: object = None) -> Record:
    """Return a record that came to a stage every two hours."""
    places = tuple(Place(2 * n, "sales", place) for n, place in enumerate(path))
    custom = {} if size is None else {"size": size}
    return Record(f"deal_{number}", 0, "ann", value, "web", "", custom, places)


RECORDS = [
    deal(0, ("EUR", 500), ("new",), 1),
    deal(1, ("USD", 700), ("new", "call"), "1"),
    deal(2, ("RUB", 900), ("new", "call", "won"), size=True),
    deal(3, ("", 0), ("new", "lost"), 2.5),
    deal(4, ("", 0), ("new",)),
]


def names(frame: Any) -> list[str]:
    """Return the columns of a frame of any library."""
    return list(getattr(frame, "column_names", None) or frame.columns)


def cells(frame: Any, name: str) -> list[Any]:
    """Return a column of a frame of any library."""
    column = frame[name]
    return column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()


def some() -> Analytics:
    """Deals of three currencies and without a value, with sizes of every type."""
    return analytics(RECORDS)


def framed(library: str, result: Any) -> Any:
    """Return a result as a frame of a library."""
    pytest.importorskip(library, reason=f"{library} is not installed")
    return getattr(result, FRAMES[library])()


ALONE = ("attribution", "backtest", "correlations", "coverage", "score_calibration", "scores")
NEVER_BY = {
    "month": (*ALONE, "people", "compare_people", "leaks", "stage_costs", "unit_economics"),
    "custom.segment": (*ALONE, "people", "compare_people"),
}
QUESTIONS = [(name, {}) for name in ASKED] + [
    (name, {"by": by}) for by, never in NEVER_BY.items() for name in ASKED if ASKED[name][0] not in never
]


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize(("name", "by"), QUESTIONS)
def test_a_frame_has_the_columns_of_the_dicts(library: str, name: str, by: dict[str, str]) -> None:
    """Every report, grouped or not, can be made a frame of every library, and no column is lost."""
    result = asked(reports(RECORDS), name, **by)
    rows = result.to_dicts()
    assert names(framed(library, result)) == list(dict.fromkeys(key for row in rows for key in row))
    assert all(row.keys() == rows[0].keys() for row in rows)


@pytest.mark.parametrize("library", FRAMES)
def test_the_parts_of_a_rate_stand_where_it_stands(library: str) -> None:
    """The first stage has no rate to the stage before, and its columns are not behind all others."""
    frame = framed(library, some().funnel("sales"))
    found = names(frame)
    at = found.index("of_previous")
    parts = ("", "_numerator", "_denominator", "_low", "_high")
    assert found[at : at + 6] == [*(f"of_previous{part}" for part in parts), "of_first"]
    told = cells(frame, "of_previous_numerator")[1:3]
    assert told == [2, 1]


@pytest.mark.parametrize("library", FRAMES)
def test_each_currency_of_any_row_has_its_column(library: str) -> None:
    """Dollars that no one has on the first row of a stock are not lost, and columns are by currency."""
    frame = framed(library, some().potential("sales"))
    assert [name for name in names(frame) if name.startswith("sums")] == ["sums_EUR", "sums_USD"]
    assert cells(frame, "sums_USD")[1] == Decimal("7.00")


@pytest.mark.parametrize("library", FRAMES)
def test_money_of_one_record_is_a_column_a_currency(library: str) -> None:
    """The worth of an open record is an exact amount, under its currency, in every frame."""
    frame = framed(library, some().estimates("sales"))
    assert [name for name in names(frame) if name.startswith("value")] == ["value_EUR", "value_USD"]
    assert cells(frame, "value_EUR")[0] == Decimal("5.00")


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize(("target", "name"), [(3, "target"), (money(3, "EUR"), "target_EUR")])
def test_a_target_is_a_number_or_money_of_a_currency(library: str, target: Any, name: str) -> None:
    """Wins to come are a number; money to come is named by its currency; neither is an object."""
    frame = framed(library, some().coverage("sales", target=target, since=hour(0)))
    assert cells(frame, name) == [3]
    if library == "polars":
        assert "Object" not in {str(kind) for kind in frame.dtypes}


@pytest.mark.parametrize("library", FRAMES)
def test_groups_of_many_types_are_text(library: str) -> None:
    """A one that is a number, one that is text and a yes are three groups: in JSON, but for the text."""
    frame = framed(library, some().cohort_win_rate("sales", by="custom.size"))
    told = [value if isinstance(value, str) else None for value in cells(frame, "group")]
    assert sorted(told, key=str) == ["1", "1", "2.5", None, "true"]


@pytest.mark.parametrize("library", FRAMES)
def test_groups_of_whole_and_other_numbers_are_numbers(library: str) -> None:
    """One and two and a half stay numbers."""
    metrics = analytics([deal(0, ("", 0), ("new",), 1), deal(1, ("", 0), ("new",), 2.5)])
    frame = framed(library, metrics.cohort_win_rate("sales", by="custom.size"))
    assert sorted(cells(frame, "group")) == [1.0, 2.5]


@pytest.mark.parametrize("library", FRAMES)
def test_a_report_without_rows_is_an_empty_frame(library: str) -> None:
    """Nothing at all is no error."""
    assert names(framed(library, analytics([]).loss_reasons("sales"))) == []


VALUES = st.one_of(
    st.none(),
    st.integers(-5, 5),
    st.integers(0, 9).map(lambda n: Rate.of(n, 9)),
    st.just(Estimate.unknown("nobody")),
    st.sampled_from(["EUR", "USD"]).map(lambda code: Money(1, code)),
    st.sets(st.sampled_from(["EUR", "RUB", "JPY"])).map(
        lambda codes: {code: Money(1, code) for code in codes}
    ),
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1), max_size=6))
def test_no_value_is_lost_among_columns(rows: list[Mapping[str, object]]) -> None:
    """Each row's own columns, as it would have them alone, are in those of all rows, with its values."""
    columns = columns_of(rows)
    assert {len(values) for values in columns.values()} <= {len(rows)}
    for n, row in enumerate(rows):
        alone = {name: value for name, (value,) in columns_of([row]).items() if value is not None}
        there = {name: values[n] for name, values in columns.items() if values[n] is not None}
        assert there == alone
