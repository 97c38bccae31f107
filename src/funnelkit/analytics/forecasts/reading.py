"""What a forecast reads beside the history: what is open, what came in lately, what wins were worth."""

from __future__ import annotations

import attrs

from funnelkit.analytics.forecasts.history import History, OpenDeal
from funnelkit.analytics.forecasts.revenue import Worths
from funnelkit.analytics.outcomes.endings import counted, number
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["LEAST", "Asked", "arrivals", "booked", "open_deals", "worths"]

_FARTHEST = 10
"""How many times as far as records have come in so far the new ones are foretold."""

LEAST = 20


@attrs.frozen(kw_only=True)
class Asked:
    """Of which time a forecast is, and what it rests on.

    Attributes:
        horizon_us: From ``as_of`` on.
        since_us: From when on wins are booked.
        recent_us: How long before ``as_of`` records came in as they will come in.
        least: How many must have been followed from a stage and an age.
        draws, seed: Of the totals that are drawn by chance.
    """

    horizon_us: int
    since_us: int | None
    recent_us: int
    least: int
    draws: int
    seed: int


def open_deals(source: Source, scope: Scope) -> list[OpenDeal]:
    """Return the open records, in the order of their ids."""
    sql = compose("forecasts/open", **scope.slots())
    found = [
        OpenDeal(
            record=record,
            key=key,
            stage=stage,
            age_us=scope.as_of_us - since,
            life_us=scope.as_of_us - arrived,
            currency=code,
            amount=amount,
        )
        for record, key, stage, since, arrived, code, amount in rows_of(source, sql, scope.params())
    ]
    return sorted(found, key=lambda deal: deal.record)


def arrivals(
    source: Source, scope: Scope, asked: Asked, past: History
) -> tuple[dict[str, tuple[int, int, float]], str]:
    """Return key → (records that came lately, time in which, time in which new ones can be won)."""
    if scope.created != ALWAYS:
        return {}, "records that do not exist yet were not created in the period asked for"
    exposure = past.exposure_us
    if exposure is None:
        few = past.whole.total < asked.least
        why = f"only {past.whole.total} records, {asked.least} are needed"
        return {}, why if few else "nobody has been watched for so long"
    params = scope.params() | {"recent_from": scope.as_of_us - asked.recent_us}
    rows = rows_of(source, compose("forecasts/arrivals", **scope.slots()), params)
    spans = [min(asked.recent_us, scope.as_of_us - first) for _, _, first in rows]
    if spans and max(spans) <= 0:
        return {}, "nothing came in before"
    if spans and max(spans) * _FARTHEST < asked.horizon_us:
        return {}, f"records came in for less than a {_FARTHEST}th of the time ahead, too short to go by"
    return {key: (lately, max(spans), exposure) for key, lately, _ in rows}, ""


def worths(source: Source, scope: Scope, asked: Asked) -> dict[str, Worths]:
    """Return currency → what wins were worth: lately, or ever where these are too few."""
    plain = Scope(shape=scope.shape, as_of_us=scope.as_of_us, present=scope.present, zone=scope.zone)
    sql = compose("forecasts/worth", **plain.slots())
    params = plain.params() | {"recent_from": scope.as_of_us - asked.recent_us}
    rows = sorted(rows_of(source, sql, params))
    recent = [row for row in rows if row[2]]
    chosen = recent if sum(row[3] for row in recent) >= asked.least else rows
    found: dict[str, list[tuple[int, int]]] = {}
    for code, _, _, count, total in chosen:
        for listed in found.values():
            listed.append((0, 0))
        found.setdefault(code, []).append((round(total / count), count))
    wins = sum(row[3] for row in chosen)
    return {
        code: [*many, (0, wins - sum(count for _, count in many))] for code, many in found.items() if code
    }


def booked(source: Source, scope: Scope, asked: Asked) -> dict[str, tuple[int, dict[str, int]]]:
    """Return key → (wins, currency → minor units) from ``since`` on."""
    if asked.since_us is None:
        return {}
    closed = (asked.since_us, scope.as_of_us + 1)
    counts, sums = counted(source, attrs.evolve(scope, closed=closed), "outcomes/endings", "{outcomes}")
    return {
        key: (number(counts[key], "won"), {code: n for code, n in sums[key]["won"].items() if code})
        for key in counts
    }
