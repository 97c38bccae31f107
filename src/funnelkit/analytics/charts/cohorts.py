"""Conversion of cohorts: points with intervals, or curves where many ages were asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from funnelkit.analytics.charts.canvas import COLOURS, GREY, INK, bare, entitle, new_figure
from funnelkit.analytics.cohorts.conversion import CohortConversion, Conversion
from funnelkit.analytics.rendering import cell_text
from funnelkit.analytics.words import Words
from funnelkit.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cohort_chart"]

_FEW = 4
"""Ages that are drawn as points; more of them make curves."""

Series = dict[str, list[Conversion]]


def cohort_chart(cohorts: CohortConversion) -> Figure:
    """Draw the chance of a win by age, cohort by cohort, with 95 % intervals.

    Up to four ages are points over the cohorts, a colour an age; a hollow point is of a cohort that is not
    old enough to be fully counted, and what nobody can know yet is not drawn. A small grey cross is what is
    won so far, the number that makes young cohorts look like losers. More ages are drawn as curves over the
    age, a colour a cohort.

    Args:
        cohorts: What `Analytics.cohort_conversion` returned.

    Raises:
        InputError: There are no cohorts.
        MissingExtraError: matplotlib is not there.
    """
    ages, groups = _series(cohorts, "horizon"), _series(cohorts, "group")
    if not groups:
        raise InputError("cohorts", "there is nothing to draw", "nobody was created")
    curves = len(ages) > _FEW
    figure = new_figure(8 if curves else max(5.0, 1.6 + 0.75 * len(groups)), 4.4)
    axes = figure.add_subplot()
    if curves:
        _curves(axes, groups, cohorts.words)
    else:
        _points(axes, ages, list(groups), cohorts.words)
    bare(axes, left=True)
    axes.set_ylim(0, None)
    axes.set_ylabel(cohorts.words("won"), fontsize=9, color=INK)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    entitle(figure, cohorts)
    return figure


def _series(cohorts: CohortConversion, by: str) -> Series:
    found: Series = {}
    for row in cohorts.rows:
        name = _days(row.horizon) if by == "horizon" else cell_text(row.group, "group")
        found.setdefault(name, []).append(row)
    return found


def _days(age: timedelta) -> str:
    return f"{age / timedelta(days=1):g}"


def _points(axes: Axes, ages: Series, groups: list[str], words: Words) -> None:
    place = {name: n for n, name in enumerate(groups)}
    for n, (age, rows) in enumerate(ages.items()):
        shift, colour = 0.24 * (n - (len(ages) - 1) / 2), COLOURS[n]
        named = f"{words('by age')} {age} {words('days')}"
        for row in rows:
            if row.won.value is None or row.won.low is None or row.won.high is None:
                continue
            x = place[cell_text(row.group, "group")] + shift
            axes.plot([x, x], [row.won.low, row.won.high], color=colour, linewidth=1.4)
            axes.plot(x, row.won.value, "o", color=colour, markerfacecolor=colour if row.mature else "white")
        axes.plot([], [], "o", color=colour, label=named)
    first = next(iter(ages.values()))
    told = [(place[cell_text(row.group, "group")], row.so_far.value) for row in first]
    crosses = [(x, value) for x, value in told if value is not None]
    if crosses:
        axes.plot(*zip(*crosses, strict=True), "x", color=GREY, markersize=5, label=words("won so far"))
    if not all(row.mature for rows in ages.values() for row in rows):
        axes.plot([], [], "o", color=GREY, markerfacecolor="white", label=words("not all that old yet"))
    axes.set_xticks(range(len(groups)), groups if len(groups) > 1 else [""])
    axes.set_xlim(-0.5, len(groups) - 0.5)


def _curves(axes: Axes, groups: Series, words: Words) -> None:
    for n, (name, rows) in enumerate(groups.items()):
        known = [
            (row.horizon / timedelta(days=1), row.won.value, row.won.low, row.won.high)
            for row in sorted(rows, key=lambda row: row.horizon)
            if row.won.value is not None and row.won.low is not None and row.won.high is not None
        ]
        if not known:
            continue
        days, value, low, high = zip(*known, strict=True)
        colour, style = COLOURS[n % len(COLOURS)], ("-", "--", ":")[n // len(COLOURS) % 3]
        axes.plot(days, value, style, color=colour, label=name if len(groups) > 1 else words("won"))
        axes.fill_between(days, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set_xlabel(words("age in days"), fontsize=9, color=INK)
