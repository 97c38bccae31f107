"""Charts: what they draw is what the result says."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from tests.analytics.histories import Record, analytics
from tests.analytics.test_eight_deals import PATHS, STAGES, record

from funnelkit.analytics import Analytics
from funnelkit.analytics.charts import cohort_chart, funnel_chart, funnel_plot, sankey_chart
from funnelkit.errors import InputError, MissingExtraError

pytest.importorskip("matplotlib")


@pytest.fixture
def reports() -> Analytics:
    """Return the metrics of eight deals."""
    return analytics([record(deal, path) for deal, path in PATHS.items()], {"sales": STAGES}, now=99)


def only(figure: Any) -> Any:
    """Return the one drawing of a figure."""
    (axes,) = figure.axes
    return axes


def texts(figure: Any) -> list[str]:
    """Return everything that is written into a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_a_bar_is_as_long_as_its_count(reports: Analytics) -> None:
    """One bar a row, in the order of the rows."""
    funnel = reports.funnel()
    axes = only(funnel_chart(funnel))
    assert [bar.get_width() for bar in axes.patches] == [row.count for row in funnel.rows]


def test_a_group_has_a_panel(reports: Analytics) -> None:
    """Panels are named by their groups and share one scale."""
    figure = funnel_chart(reports.funnel(by="owner"))
    groups = dict.fromkeys(row.group or "(none)" for row in reports.funnel(by="owner").rows)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()] == [*groups]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


@pytest.mark.parametrize("steps", [None, 3])
def test_a_ribbon_is_a_link_and_a_box_is_a_node(reports: Analytics, steps: int | None) -> None:
    """A box is as high as what comes into its node or goes out of it."""
    from matplotlib.patches import PathPatch, Rectangle

    sankey = reports.sankey(steps=steps)
    (axes,) = sankey_chart(sankey).axes
    ribbons = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    boxes = [patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(ribbons) == len(sankey.rows)
    assert sorted(boxes) == sorted(max(node.incoming, node.outgoing) for node in sankey.nodes)


@pytest.mark.parametrize("ages", [["5h", "30h"], ["5h", "10h", "15h", "20h", "30h"]])
def test_a_cohort_is_drawn_where_its_chances_are(reports: Analytics, ages: list[str]) -> None:
    """Every known chance of a win is a point of the picture."""
    cohorts = reports.cohort_conversion(horizons=ages, by="source")
    axes = only(cohort_chart(cohorts))
    drawn = {float(y) for line in axes.lines for y in line.get_ydata()}
    assert {row.won.value for row in cohorts.rows if row.won.value is not None} <= drawn


def test_a_person_is_a_named_point(reports: Analytics) -> None:
    """Volume to the right, rate upward, the name beside it."""
    compared = reports.compare_people()
    figure = funnel_plot(compared)
    axes = only(figure)
    points = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"}
    assert points == {(row.closed, row.adjusted) for row in compared.rows}
    assert {row.group or "(none)" for row in compared.rows} <= {*texts(figure)}


def test_a_chart_speaks_the_language_of_its_result(reports: Analytics) -> None:
    """The title of a picture is that of the table."""
    written = texts(funnel_chart(reports.funnel().labelled("ru")))
    assert any(text.startswith("Воронка (по достигнутому этапу) по воронке sales") for text in written)


def test_a_sankey_of_groups_is_not_drawn(reports: Analytics) -> None:
    """The error says what to ask instead."""
    with pytest.raises(InputError, match="one group"):
        sankey_chart(reports.sankey(by="owner"))


NOBODY: list[Record] = []


@pytest.mark.parametrize("name", ["funnel", "sankey", "people", "cohorts"])
def test_a_chart_of_nothing_is_refused_or_empty(name: str) -> None:
    """Where there is no record, a chart either shows zeros or says that there is nothing to draw."""
    empty = analytics(NOBODY, {"sales": STAGES}, now=99)
    if name == "funnel":
        assert [bar.get_width() for bar in only(funnel_chart(empty.funnel())).patches] == [0] * (
            len(STAGES) + 1
        )
    elif name == "cohorts":
        assert cohort_chart(empty.cohort_conversion()).axes
    else:
        with pytest.raises(InputError, match="nothing to draw"):
            sankey_chart(empty.sankey()) if name == "sankey" else funnel_plot(empty.compare_people())


def test_charts_without_matplotlib_name_the_extra(
    reports: Analytics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="charts"):
        funnel_chart(reports.funnel())


def test_charts_leave_no_global_state(reports: Analytics) -> None:
    """Pyplot is never imported by a chart."""
    before = "matplotlib.pyplot" in sys.modules
    funnel_chart(reports.funnel()).canvas.draw()
    assert ("matplotlib.pyplot" in sys.modules) == before
