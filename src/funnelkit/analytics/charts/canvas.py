"""What every chart stands on: a figure without global state, its title, colours that all can tell apart."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from funnelkit.analytics.result import Result
from funnelkit.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BLUE", "COLOURS", "GREY", "INK", "ORANGE", "PALE", "RED", "SKY", "bare", "entitle", "new_figure"]

BLUE, ORANGE, GREEN, RED, SKY, PINK = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7"
"""Colours that people with any kind of colour vision can tell apart (Okabe and Ito 2008)."""
COLOURS = (BLUE, ORANGE, GREEN, RED, SKY, PINK)
INK, GREY, PALE = "#222222", "#767676", "#d9d9d9"

_LETTER = 0.085
"""Inches that a letter of a title takes."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches. Raises `MissingExtraError` without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a chart", "charts") from error
    return Figure(figsize=(width, height), layout="constrained")


def entitle(figure: Figure, result: Result[Any]) -> None:
    """Write above a figure what it shows, and below what is not final yet."""
    words, width = result.words, figure.get_figwidth()
    title = result.about.title(words)
    text = fill(title[:1].upper() + title[1:], int(width / _LETTER))
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, color=INK)
    if result.about.complete is False:
        note = f"{words('incomplete')}: {words('some records are still open')}"
        figure.supxlabel(note, x=0.01, ha="left", fontsize=8, color=GREY)


def bare(axes: Axes, *, left: bool = False) -> None:
    """Take away the frame and the ticks that say nothing; ``left`` keeps the side of the scale."""
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    if left:
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
