"""The funnel plot: who is further from the middle than chance takes anybody, given how much they closed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from funnelkit.analytics.charts.canvas import BLUE, GREY, INK, ORANGE, RED, bare, entitle, new_figure
from funnelkit.analytics.people.comparison import Compared, PeopleCompared
from funnelkit.analytics.people.limits import binomial_limits
from funnelkit.analytics.rendering import cell_text
from funnelkit.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["funnel_plot"]

_LEVELS = ((0.95, 1.959964, "--"), (0.998, 3.090232, "-"))
"""Level, its z-score, and how it is drawn."""
_MOST_NAMES = 20
_LINE = 9.0
"""Points from one name to the next below."""


def funnel_plot(compared: PeopleCompared) -> Figure:
    """Draw rates against volume, with the limits of chance: 95 % (dashed) and 99.8 %.

    A rate is the adjusted one where the mix of work was taken into account. Colours follow `Compared.place`:
    grey within, orange outside of 95 %, red outside of 99.8 %. Limits are exact binomial ones; where people
    differ more than chance explains anyway, they are as wide as that makes them, and the picture says so.
    Above 20 people only those outside are named.

    Args:
        compared: What `Analytics.compare_people` returned.

    Raises:
        InputError: Nobody closed anything.
        MissingExtraError: matplotlib is not there.
    """
    if not compared.rows:
        raise InputError("compared", "there is nothing to draw", "nobody closed anything")
    words, middle = compared.words, compared.overall.value or 0.0
    figure = new_figure(8, 5)
    axes = figure.add_subplot()
    most = max(row.closed for row in compared.rows)
    wide = round(most * 1.06) + 1
    volumes = sorted({*range(1, min(wide, 60) + 1), *(round(wide * n / 150) for n in range(1, 151))} - {0})
    for level, score, style in _LEVELS:
        limits = [_limits(volume, compared, level, score) for volume in volumes]
        for side in zip(*limits, strict=True):
            axes.plot(volumes, side, style, color=GREY, linewidth=0.9)
        name = f"{100 * level:g} %"
        axes.annotate(
            name, (volumes[-1], limits[-1][1]), (4, 0), textcoords="offset points", va="center"
        ).set(color=GREY, fontsize=8)
    axes.axhline(middle, color=BLUE, linewidth=0.9)
    axes.annotate(f"{100 * middle:.0f} %", (volumes[-1], middle), (4, 0), textcoords="offset points").set(
        color=BLUE, fontsize=8, va="center"
    )
    for row in compared.rows:
        axes.plot(row.closed, _rate(row), "o", markersize=5, color=_colour(row))
    bare(axes, left=True)
    axes.set_xlabel(words("closed records"), fontsize=9, color=INK)
    axes.set_ylabel(words(_axis(compared)), fontsize=9, color=INK)
    if compared.tau_squared:
        note = f"{words('limits with overdispersion')}, φ = {compared.phi:.1f}"
        corner = axes.annotate(note, (1, 1), xycoords="axes fraction", ha="right", va="top")
        corner.set(fontsize=8, color=GREY)
    axes.set_xlim(0, wide)
    top = max(*map(_rate, compared.rows), middle)
    axes.set_ylim(-0.02, min(1.02, 1.6 * top + 0.05))
    entitle(figure, compared)
    _name(figure, axes, compared.rows)
    return figure


def _limits(volume: int, compared: PeopleCompared, level: float, score: float) -> tuple[float, float]:
    """Return how far chance, and what people differ by anyway, takes somebody of this volume."""
    middle = compared.overall.value or 0.0
    if not compared.tau_squared or not 0 < middle < 1:
        return binomial_limits(volume, middle, level)
    half = score * middle * math.sqrt((1 - middle) / (volume * middle) + compared.tau_squared)
    return max(0.0, middle - half), min(1.0, middle + half)


def _axis(compared: PeopleCompared) -> str:
    return "win rate" if compared.about.definition == "mix by nothing" else "adjusted win rate"


def _rate(row: Compared) -> float:
    return row.adjusted if row.adjusted is not None else row.rate.value or 0.0


def _colour(row: Compared) -> str:
    if row.place in ("", "within"):
        return GREY
    return ORANGE if row.place.endswith(" 95 %") else RED


def _name(figure: Figure, axes: Axes, rows: tuple[Compared, ...]) -> None:
    """Write the names beside the points, from the top down, none over another."""
    chosen = [row for row in rows if len(rows) <= _MOST_NAMES or _colour(row) != GREY]
    figure.draw_without_rendering()
    written: list[tuple[float, float]] = []
    for row in sorted(chosen, key=_rate, reverse=True):
        x, y = axes.transData.transform((row.closed, _rate(row))) * 72 / figure.dpi
        text = cell_text(row.group, "group")
        width = 5.5 * len(text) + 8
        low = min((seen for at, seen in written if abs(at - x) < width), default=y + _LINE)
        shift = min(0.0, low - _LINE - y)
        written.append((x, y + shift))
        side, way = ("right", -6) if row.closed > 0.85 * axes.get_xlim()[1] else ("left", 6)
        axes.annotate(
            text, (row.closed, _rate(row)), (way, shift), textcoords="offset points", va="center", ha=side
        ).set(fontsize=8, color=INK)
