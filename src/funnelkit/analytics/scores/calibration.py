"""How true chances proved: what was foretold beside what came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.scores.scoring import Recipe, chances
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.clock import to_us

__all__ = ["Calibration", "ScoreCalibration", "calibration", "quality_of"]

_PARTS = 10

FORMULA = (
    "Brier = mean of (chance - outcome)^2; log loss = - mean of outcome log chance + (1 - outcome) "
    "log(1 - chance); AUC = chance that a record that was won had the higher score"
)


@attrs.frozen(kw_only=True)
class Calibration(Row):
    """The records that were given a chance between ``low`` and ``high``.

    Attributes:
        foretold: The mean of their chances.
        came: How many of them were won, with its interval: ``foretold`` should be inside.
        fits: Whether it is; None where nobody was here.
    """

    low: float
    high: float
    foretold: float | None
    came: Rate
    fits: bool | None


@attrs.frozen(kw_only=True)
class ScoreCalibration(Result[Calibration]):
    """Chances beside outcomes, a row a tenth. Cells for `ids`: ``ids("won")``, ``"lost"``, ``"undecided"``.

    Attributes:
        scored, decided: Records that were given a chance, and those that have ended since.
        brier, log_loss: The less the better; None where nothing ended.
        base_brier: What everybody's rate instead of a chance would have got.
        auc: 0.5 is chance, 1 is perfect order; None where all ended alike.
    """

    scored: int
    decided: int
    brier: float | None
    log_loss: float | None
    base_brier: float | None
    auc: float | None


def calibration(
    source: Source, scope: Scope, recipe: Recipe, moments: Sequence[datetime]
) -> ScoreCalibration:
    """Score what was open at each moment with what was known then, and look at what came of it."""
    ends = _ends(source, scope)
    foretold: list[tuple[float, bool]] = []
    behind: dict[str, list[str]] = {"won": [], "lost": [], "undecided": []}
    scored = 0
    for moment in moments:
        then = attrs.evolve(scope, as_of_us=to_us(moment), present=False)
        for record, chance in chances(source, then, recipe).items():
            scored += 1
            end = ends.get(record, "undecided")
            behind[end].append(record)
            if end != "undecided":
                foretold.append((chance, end == "won"))
    quality = quality_of(foretold)
    about = scope.about(
        "score calibration",
        "naive Bayes",
        sentence="records that were open then, scored with what was known then, beside how they ended; who "
        "has not ended is left out and counted",
        population="records open at the moments asked for, of which enough was known; a record can be there "
        "at several",
        time_axis=", ".join(f"{moment.astimezone(scope.zone):%Y-%m-%d %H:%M}" for moment in moments),
        complete=not behind["undecided"],
        formula=FORMULA,
        quality={"records that have not ended since": len(behind["undecided"])},
    )
    return ScoreCalibration(
        about=about,
        rows=tuple(_rows(foretold)),
        ids=partial(_ids, behind),
        scored=scored,
        decided=len(foretold),
        brier=quality["brier"],
        log_loss=quality["log_loss"],
        base_brier=quality["base_brier"],
        auc=quality["auc"],
    )


def quality_of(foretold: Sequence[tuple[float, bool]]) -> dict[str, float | None]:
    """Return Brier score, log loss, the Brier score of the overall rate, and AUC of (chance, won) pairs.

    Source: G. W. Brier, Verification of forecasts expressed in terms of probability, 1950.

    >>> found = quality_of([(0.8, True), (0.4, False), (0.6, True), (0.7, False)])
    >>> round(found["brier"], 4), round(found["base_brier"], 4), found["auc"]
    (0.2125, 0.25, 0.75)
    """
    n = len(foretold)
    won = sum(end for _, end in foretold)
    if not n:
        return dict.fromkeys(("brier", "log_loss", "base_brier", "auc"))
    return {
        "brier": math.fsum((chance - end) ** 2 for chance, end in foretold) / n,
        "log_loss": -math.fsum(math.log(chance if end else 1 - chance) for chance, end in foretold) / n,
        "base_brier": won / n * (1 - won / n),
        "auc": _auc(foretold, won),
    }


def _auc(foretold: Sequence[tuple[float, bool]], won: int) -> float | None:
    """Return the share of pairs of a won and a lost one that are in order, a tie being half of one."""
    lost = len(foretold) - won
    if not won or not lost:
        return None
    below = found = 0.0
    ordered = sorted(foretold)
    at = 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        here = sum(outcome for _, outcome in ordered[at:end])
        lost_here = end - at - here
        found += here * (below + lost_here / 2)
        below += lost_here
        at = end
    return found / (won * lost)


def _rows(foretold: Sequence[tuple[float, bool]]) -> list[Calibration]:
    rows = []
    for part in range(_PARTS):
        inside = [pair for pair in foretold if min(int(pair[0] * _PARTS), _PARTS - 1) == part]
        came = Rate.of(sum(end for _, end in inside), len(inside), "nobody was given such a chance")
        mean = math.fsum(chance for chance, _ in inside) / len(inside) if inside else None
        fits = (
            None if mean is None or came.low is None or came.high is None else came.low <= mean <= came.high
        )
        rows.append(
            Calibration(low=part / _PARTS, high=(part + 1) / _PARTS, foretold=mean, came=came, fits=fits)
        )
    return rows


def _ends(source: Source, scope: Scope) -> dict[str, str]:
    """Return how every record ended that has, by id."""
    sql = compose("outcomes/endings", **scope.slots(), tail="{how_ended}")
    return dict(rows_of(source, sql, scope.params()))


def _ids(behind: dict[str, list[str]], which: str, *, group: Group = None) -> list[str]:  # noqa: ARG001 (nothing is grouped)
    check_cell("column", which, behind)
    return behind[which]
