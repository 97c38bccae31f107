"""A funnel as bars: as long as the counts, with the shares of the row before beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from funnelkit.analytics.charts.canvas import BLUE, GREY, INK, bare, entitle, new_figure
from funnelkit.analytics.funnels.funnel import Funnel, FunnelRow
from funnelkit.analytics.rendering import cell_text
from funnelkit.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["funnel_chart"]

_ACROSS = 3
"""Panels beside one another."""


def funnel_chart(funnel: Funnel) -> Figure:
    """Draw a funnel: a bar a row, as long as its count; a panel a group, all on one scale.

    Beside each bar stand the count and, in grey, the share of the row before with its 95 % interval.

    Args:
        funnel: What `Analytics.funnel` returned.

    Raises:
        InputError: The funnel has no rows.
        MissingExtraError: matplotlib is not there.

    >>> from funnelkit import Engine, Pipeline, Stage
    >>> from funnelkit.analytics.charts import funnel_chart
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    >>> _ = engine.create("Order")
    >>> figure = funnel_chart(engine.analytics.funnel())  # doctest: +SKIP
    >>> figure.savefig("funnel.png")  # doctest: +SKIP
    """
    panels: dict[str, list[FunnelRow]] = {}
    for row in funnel.rows:
        panels.setdefault(cell_text(row.group, "group"), []).append(row)
    if not panels:
        raise InputError("funnel", "there is nothing to draw", "it has no rows")
    across = min(_ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    deep = max(map(len, panels.values()))
    figure = new_figure(1.6 + 3.6 * across, 0.7 + down * (0.4 + 0.42 * deep))
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat
    for axes, (name, rows) in zip(grid, panels.items(), strict=False):
        _panel(axes, rows, name if funnel.about.by else "", funnel)
    for axes in list(grid)[len(panels) :]:
        axes.set_visible(False)
    entitle(figure, funnel)
    return figure


def _panel(axes: Axes, rows: list[FunnelRow], name: str, funnel: Funnel) -> None:
    greatest = max(row.count for row in funnel.rows)
    axes.barh(range(len(rows)), [row.count for row in rows], height=0.72, color=BLUE)
    for n, row in enumerate(rows):
        rate = row.of_previous
        count = axes.annotate(
            f"{row.count:,}", (row.count, n), (5, 0), textcoords="offset points", va="center", color=INK
        )
        count.set_fontsize(9)
        if rate is not None and rate.value is not None:
            said = f"{100 * rate.value:.0f} % ({100 * (rate.low or 0):.0f}–{100 * (rate.high or 0):.0f})"
            share = axes.annotate(
                said, (1, 0.5), (5, 0), xycoords=count, textcoords="offset points", va="center", color=GREY
            )
            share.set_fontsize(8)
    bare(axes)
    axes.set_xticks([])
    axes.set_xlim(0, max(greatest, 1) * 1.5)
    axes.set_yticks(range(len(rows)), [funnel.words(row.label) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(name, loc="left", fontsize=10, color=INK)
