"""A cell is asked for by a group of the result, and by no other."""

from __future__ import annotations

from typing import Any

import pytest
from tests.analytics.histories import Place, Record, analytics

from funnelkit.analytics import Analytics
from funnelkit.errors import InputError


def record(number: int, owner: str, size: object, stage: str = "new") -> Record:
    """Return a record that is on a stage, made in the month of its number."""
    custom = {} if size is None else {"size": size}
    created = 24 * 31 * number
    return Record(
        f"deal_{number}", created, owner, ("", 0), "web", "", custom, (Place(created, "sales", stage),)
    )


RECORDS = [record(0, "ann", 1), record(1, "bob", True), record(2, "", None), record(3, "bob", "1")]  # noqa: FBT003


def some() -> Analytics:
    """Four deals of two people and of nobody, with sizes of every type, in four months."""
    return analytics(RECORDS)


REPORTS = ["funnel", "potential", "stock", "win_rate", "transitions", "time_in_stage", "cohort_win_rate"]
CELL: dict[str, tuple[str, ...]] = dict.fromkeys(REPORTS, ("new",)) | {
    "win_rate": ("won",),
    "transitions": ("", "new"),
    "time_in_stage": ("new", "open"),
    "cohort_win_rate": ("created",),
}


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("by", ["owner", "custom.size", "month", "source", "campaign", "quarter"])
def test_a_group_that_is_not_there_is_no_cell(name: str, by: str) -> None:
    """Whatever a report is grouped by, an unknown group is an error that names the argument."""
    result = getattr(some(), name)("sales", by=by)
    with pytest.raises(InputError, match="group: 'nobody here' is not here"):
        result.ids(*CELL[name], group="nobody here")


@pytest.mark.parametrize("name", REPORTS)
def test_a_result_without_groups_has_no_cell_of_one(name: str) -> None:
    """To ask a report that is not grouped for somebody is a slip, not an empty list."""
    with pytest.raises(InputError, match=r"group: 'ann' is not here \(nothing is grouped: ask with by=\)"):
        getattr(some(), name)("sales").ids(*CELL[name], group="ann")


def test_what_was_probably_meant_is_said() -> None:
    """A slip in a name is mended in the error."""
    with pytest.raises(InputError, match=r"group: 'amn' is not here \(did you mean 'ann'\?\)"):
        some().funnel("sales", by="owner").ids("new", group="amn")


def test_a_forgotten_group_is_not_nobody() -> None:
    """Of several groups one has to be named; that of no owner is the empty text."""
    funnel = some().funnel("sales", by="owner")
    with pytest.raises(
        InputError, match=r"group: is left out, and there are 3 \(name one: '', 'ann', 'bob'\)"
    ):
        funnel.ids("new")
    assert funnel.ids("new", group="") == ["deal_2"]


def test_a_field_that_is_not_set_is_a_group() -> None:
    """Grouped by a custom field, None is the group of those that have none."""
    assert some().funnel("sales", by="custom.size").ids("new") == ["deal_2"]


def test_the_only_group_need_not_be_named() -> None:
    """Where all are in one group there is nothing else to mean."""
    assert len(some().funnel("sales", by="source").ids("new")) == 4


@pytest.mark.parametrize(
    ("group", "ids"), [(1, ["deal_0"]), (True, ["deal_1"]), ("1", ["deal_3"]), (1.0, ["deal_0"])]
)
def test_groups_are_told_apart_by_their_types(group: Any, ids: list[str]) -> None:
    """A one, a yes and the text "1" are three groups; a number is the same as whole and as a fraction."""
    assert some().funnel("sales", by="custom.size").ids("new", group=group) == ids


def test_a_no_is_not_a_zero() -> None:
    """A number that equals a truth value is not its group."""
    funnel = analytics([record(0, "", 0), record(1, "", 5)]).funnel("sales", by="custom.size")
    with pytest.raises(InputError, match="group: False is not here"):
        funnel.ids("new", group=False)


@pytest.mark.parametrize(
    ("name", "how", "cell"),
    [("loss_reasons", {}, "new"), ("cohort_losses", {"horizons": ["20d"]}, "20d")],
)
def test_a_month_without_a_row_can_be_asked(name: str, how: dict[str, Any], cell: str) -> None:
    """In the month between two losses nobody was lost: that is no error, and none is found."""
    losses = [
        Record(
            id, t, "", ("", 0), "", "", {}, (Place(t, "sales", "new"), Place(t + 1, "sales", "lost", "price"))
        )
        for id, t in (("first", 0), ("last", 24 * 70))
    ]
    result = getattr(analytics([*losses, record(1, "", None)]), name)("sales", by="month", **how)
    assert [row.group for row in result.rows] == ["2026-01", "2026-03"]
    found = [result.ids(cell, "price", group=f"2026-0{month}") for month in (1, 2, 3)]
    assert found == [["first"], [], ["last"]]
    with pytest.raises(InputError, match="group: '1999-01' is not here"):
        result.ids(cell, "price", group="1999-01")


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("by", ["owner", "custom.size", "month"])
def test_where_nothing_is_at_all_nothing_is_found(name: str, by: str) -> None:
    """An empty ledger has no groups: without one there are no records, and any is an error."""
    result = getattr(analytics([]), name)("sales", by=by)
    assert result.ids(*CELL[name]) == []
    with pytest.raises(InputError, match=r"group: 'ann' is not here \(there are none\)"):
        result.ids(*CELL[name], group="ann")


def test_a_period_of_others_can_be_asked_for_a_group() -> None:
    """Who began in January has no cell of its own in February, and nobody in it: that is no error."""
    trend = some().funnel_trend("sales", window="9d", by="custom.size")
    assert trend.ids("2026-01", "new", group=1) == ["deal_0"]
    assert trend.ids("2026-02", "new", group=1) == []
    with pytest.raises(InputError, match="group: 7 is not here"):
        trend.ids("2026-02", "new", group=7)
