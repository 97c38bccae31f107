"""A sankey picture: boxes in columns, ribbons as wide as what goes through them, ways back below."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from funnelkit.analytics.charts.canvas import BLUE, GREY, INK, ORANGE, RED, SKY, entitle, new_figure
from funnelkit.analytics.flow.paths import ELSEWHERE, LATER, OPEN, START, Link, Sankey
from funnelkit.analytics.words import Words
from funnelkit.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sankey_chart"]

Key = tuple[int, str]
"""The step of a node, 0 where steps are not told apart, and its place."""

_ENDS = ("won", "lost", "void", OPEN, ELSEWHERE, LATER)
_COLOURS = {"won": BLUE, "lost": RED, "void": GREY, OPEN: GREY, ELSEWHERE: GREY, LATER: GREY}
_WIDE, _GAP, _LANE = 0.05, 0.05, 0.02
"""The width of a box, the gap between boxes as a part of all that flows, and that between ways back."""


@attrs.define
class _Box:
    """Where a node stands: its column, the upper side, the height, and how much of each side is taken."""

    column: float
    top: float
    height: float
    came: float = 0.0
    went: float = 0.0


def sankey_chart(sankey: Sankey, labels: Mapping[str, str] | None = None) -> Figure:
    """Draw the links of a sankey: a box a place, a ribbon a link, as high as its count.

    Blue ends in a win, red in a loss, grey is not over; orange ribbons below the boxes go back.

    Args:
        sankey: What `Analytics.sankey` returned, not grouped.
        labels: Stage id → what it is called in the picture; others by their id.

    Raises:
        InputError: The sankey is grouped, or has no links.
        MissingExtraError: matplotlib is not there.
    """
    if sankey.about.by:
        raise InputError("sankey", "a picture shows one group", f"filter {sankey.about.by} instead of `by`")
    if not sankey.rows:
        raise InputError("sankey", "there is nothing to draw", "it has no links")
    boxes = _boxes(sankey)
    columns = 1 + int(max(box.column for box in boxes.values()))
    figure = new_figure(1.2 + 1.6 * columns, 4.6)
    axes = figure.add_subplot()
    total = max(box.height for box in boxes.values())
    floor = max(box.top + box.height for box in boxes.values())
    for link in _in_order(sankey, boxes):
        floor = _ribbon(axes, link, boxes, floor, total)
    for (_, name), box in boxes.items():
        _box(axes, box, _name(name, labels or {}, sankey.words))
    axes.set_xlim(-0.05, columns - 1 + 0.4)
    axes.set_ylim(floor + _LANE * total, -_GAP * total)
    axes.axis("off")
    entitle(figure, sankey)
    return figure


def _ends(link: Link) -> tuple[Key, Key]:
    return (max(link.step - 1, 0), link.source), (link.step, link.target)


def _name(name: str, labels: Mapping[str, str], words: Words) -> str:
    return labels.get(name) or words(name)


def _boxes(sankey: Sankey) -> dict[Key, _Box]:
    """Return the boxes: by step where there are steps, else by stage with the ends in the last column."""
    came: dict[Key, int] = defaultdict(int)
    went: dict[Key, int] = defaultdict(int)
    for link in sankey.rows:
        source, target = _ends(link)
        went[source] += link.count
        came[target] += link.count
    keys = sorted({*went, *came}, key=lambda key: (key[0], key[1] in _ENDS and _ENDS.index(key[1]) + 1))
    order = _columns(sankey, keys)
    whole = max(*went.values(), *came.values())
    filled: dict[float, float] = defaultdict(float)
    boxes = {}
    for key in keys:
        column, height = order[key], float(max(came[key], went[key]))
        boxes[key] = _Box(column, filled[column], height)
        filled[column] += height + _GAP * whole
    return boxes


def _columns(sankey: Sankey, keys: list[Key]) -> dict[Key, int]:
    if any(link.step for link in sankey.rows):
        return {key: key[0] for key in keys}
    names = [link.source for link in sankey.rows] + [link.target for link in sankey.rows]
    stages = [name for name in dict.fromkeys(names) if name not in (START, *_ENDS)]
    columns = {START: 0} | {name: n for n, name in enumerate(stages, 1)}
    return {key: columns.get(key[1], len(stages) + 1) for key in keys}


def _in_order(sankey: Sankey, boxes: dict[Key, _Box]) -> list[Link]:
    """Return the links, those to the upper boxes first, so that ribbons cross little; ways back come last."""

    def at(link: Link) -> tuple[bool, float, float, float]:
        source, target = (boxes[key] for key in _ends(link))
        back = target.column <= source.column
        return back, abs(source.column - target.column) if back else 0, target.top, _lower(link, source)

    return sorted(sankey.rows, key=at)


def _lower(link: Link, source: _Box) -> float:
    """Return what puts links into one box in order: where there are no steps, the long ways go below."""
    return source.top if link.step else -source.column


def _ribbon(axes: Axes, link: Link, boxes: dict[Key, _Box], floor: float, total: float) -> float:
    """Draw a link; return how far down the picture goes now."""
    source, target = (boxes[key] for key in _ends(link))
    start, end, height = source.top + source.went, target.top + target.came, float(link.count)
    source.went, target.came = source.went + height, target.came + height
    left, right = source.column + _WIDE, target.column
    if right > left:
        _forward(axes, (left, start), (right, end), height, _COLOURS.get(link.target, SKY))
        return floor
    lane = floor + _LANE * total
    _back(axes, (left, start), (right, end), height, lane)
    return lane + height


Point = tuple[float, float]


def _forward(axes: Axes, start: Point, end: Point, height: float, colour: str) -> None:
    (left, above), (right, below) = start, end
    middle = (left + right) / 2
    upper = [(left, above), (middle, above), (middle, below), (right, below)]
    lower = [(x, y + height) for x, y in reversed(upper)]
    _shape(axes, [upper, lower], colour)


def _back(axes: Axes, start: Point, end: Point, height: float, lane: float) -> None:
    """Draw a ribbon that leaves to the right, turns below the boxes, and arrives from the left."""
    (right, top), (left, to) = start, end
    wide, narrow, middle = 0.42, 0.22, (start[0] + end[0]) / 2
    outer = [
        [(right, top), (right + wide, top), (right + wide, lane + height), (middle, lane + height)],
        [(middle, lane + height), (left - wide, lane + height), (left - wide, to), (left, to)],
    ]
    inner = [
        [(left, to + height), (left - narrow, to + height), (left - narrow, lane), (middle, lane)],
        [(middle, lane), (right + narrow, lane), (right + narrow, top + height), (right, top + height)],
    ]
    _shape(axes, [*outer, *inner], ORANGE)


def _shape(axes: Axes, curves: list[list[Point]], colour: str) -> None:
    """Fill what lies between cubic curves, each of which begins beside the end of the one before."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points, codes = [curves[0][0]], [Path.MOVETO]
    for curve in curves:
        points += [curve[0], *curve[1:]]
        codes += [Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    axes.add_patch(PathPatch(Path(points, codes), facecolor=colour, alpha=0.45, linewidth=0))


def _box(axes: Axes, box: _Box, name: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((box.column, box.top), _WIDE, box.height, facecolor=INK, linewidth=0))
    axes.annotate(
        f"{name}\n{box.height:,.0f}",
        (box.column + _WIDE, box.top + box.height / 2),
        (4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=INK,
    )
