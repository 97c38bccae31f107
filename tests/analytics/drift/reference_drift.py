"""Trials once more: slow, plain, over bare histories."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.analytics.histories import OUTCOMES, Record
from tests.analytics.reference import NOT_ASKED, Asked, group, is_void, last_touch, lives

Trial = tuple[float, bool, bool, str]
"""When it began, whether it went forward in time, whether it was still there after the time, the record."""


def trials(
    records: list[Record], asked: Asked, within: dict[str, float]
) -> dict[tuple[Any, str], list[Trial]]:
    """Return (group, stage) → the stays whose time is over."""
    found: dict[tuple[Any, str], list[Trial]] = defaultdict(list)
    for life in lives(records, asked):
        for n, step in enumerate(life.steps):
            if is_void(life) or step.pipeline != asked.pipeline or step.place not in within:
                continue
            after = life.steps[n + 1] if n + 1 < len(life.steps) else None
            key = group(life, after or last_touch(life, asked), asked)
            limit = within[step.place]
            if key is NOT_ASKED or step.t + limit >= asked.as_of:
                continue
            lasted = (after.t if after else asked.as_of) - step.t
            ahead = False
            if after and after.pipeline == asked.pipeline:
                if after.place == "won":
                    ahead = n + 2 == len(life.steps)
                elif after.place not in OUTCOMES:
                    ahead = asked.order.index(after.place) > asked.order.index(step.place)
            found[key, step.place].append((step.t, ahead and lasted <= limit, lasted > limit, life.record.id))
    return found
