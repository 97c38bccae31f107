"""A funnel as a plain SVG picture: no script, no style sheet, nothing to load."""

from __future__ import annotations

import html
from collections.abc import Sequence

__all__ = ["funnel_svg"]

_WIDTH, _ROW, _GAP = 360, 34, 6
_TEXT_X = _WIDTH + 16
_FILL, _EDGE, _INK = "#4c78a8", "#d5e0ec", "#222"


def funnel_svg(rows: Sequence[tuple[str, int, str]], title: str) -> str:
    """Return the picture of a funnel.

    Args:
        rows: ``(label, count, rate of the row before as text)`` from the first stage on. A bar is as
            wide as its count beside the greatest one; between two bars the loss is drawn in a lighter tone.
        title: What the picture is called for those who cannot see it.

    >>> funnel_svg([("New", 8, ""), ("Won", 2, "25 %")], "funnel of sales").startswith("<svg")
    True
    """
    greatest = max((count for _, count, _ in rows), default=0) or 1
    widths = [_WIDTH * count / greatest for _, count, _ in rows]
    parts = []
    for n, ((label, count, rate), width) in enumerate(zip(rows, widths, strict=True)):
        top = n * (_ROW + _GAP)
        parts.append(_box(width, width, top, _ROW, _FILL))
        if n + 1 < len(rows):
            parts.append(_box(width, widths[n + 1], top + _ROW, _GAP, _EDGE))
        said = f"{label}  {count:,}" + (f"  ({rate})" if rate else "")
        parts.append(
            f'<text x="{_TEXT_X}" y="{top + _ROW * 0.65:.0f}" font-family="sans-serif" font-size="14" '
            f'fill="{_INK}">{html.escape(said)}</text>'
        )
    height = max(len(rows) * (_ROW + _GAP), 1)
    name = html.escape(title, quote=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{name}"'
    return f'{head} viewBox="0 0 {_TEXT_X + 340} {height}" width="{_TEXT_X + 340}">{"".join(parts)}</svg>'


def _box(upper: float, lower: float, top: float, height: float, fill: str) -> str:
    """Return a symmetric box whose upper and lower sides have these widths."""
    middle = _WIDTH / 2
    corners = [(-upper / 2, 0.0), (upper / 2, 0.0), (lower / 2, height), (-lower / 2, height)]
    points = " ".join(f"{middle + x:.1f},{top + y:.1f}" for x, y in corners)
    return f'<polygon points="{points}" fill="{fill}"/>'
