"""Correlations: which values of what is known of a record go together with winning.

What goes together is not cause and effect. A source may win because its clients are large, an owner because
the easy inquiries are theirs: a correlation says where to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Literal

import attrs

from funnelkit.analytics.intervals import Rate
from funnelkit.analytics.outcomes.endings import BY_CLOSING, CLOSED, NOBODY, counted, number
from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.significance import fisher, odds_ratio, q_values
from funnelkit.analytics.texts import Source, compose, rows_of

__all__ = ["Correlation", "Correlations", "correlations"]

FORMULA = (
    "odds_ratio = (won + 1) (others_lost + 1) / ((lost + 1) (others_won + 1)), one added as PostHog does; "
    "its interval: logarithm +- 1.96 sqrt(sum of 1 / (count + 1)) (Woolf 1955); p: Fisher's exact test of "
    "the counts as they are; q by Benjamini and Hochberg over all rows with enough records, two values of "
    "one feature being one test"
)

_CELLS = {
    "won": "outcome = 'won' AND grp = :key",
    "lost": "outcome = 'lost' AND grp = :key",
    "others_won": "outcome = 'won' AND grp <> :key",
    "others_lost": "outcome = 'lost' AND grp <> :key",
}


@attrs.frozen(kw_only=True)
class Correlation(Row):
    """Records with one value of a feature beside all others; ``group`` is the value.

    Attributes:
        feature: What it is a value of: ``"source"``, ``"custom.size"``.
        won, lost: Records with the value.
        rate: ``won`` of ``won + lost``.
        others_won, others_lost: Records with any other value, or with none.
        others: ``others_won`` of ``others_won + others_lost``.
        odds_ratio: The odds of a win by those of the others, one added to each of the four counts:
            above 1 where more win. None where there is not enough data.
        low, high: The 95 % interval of the odds ratio.
        p: How often chance alone makes as great a difference (two-sided, exact).
        q: The share of false alarms among all rows with a q as small: believe this, not ``p``.
        goes_with: ``"winning"`` or ``"losing"`` where q is small enough, or empty.
        reason: Why there is no odds ratio, or empty.
    """

    feature: str
    won: int
    lost: int
    rate: Rate
    others_won: int
    others_lost: int
    others: Rate
    odds_ratio: float | None
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    goes_with: Literal["winning", "losing", ""]
    reason: str


class Correlations(Result[Correlation]):
    """What goes with winning or losing, then what may be chance; the greatest odds ratio first.

    Cells for `ids`: ``ids("source", "won", group="web")``; ``"lost"``, ``"others_won"``, ``"others_lost"``.
    """


def correlations(
    source: Source, scope: Scope, features: tuple[str, ...], minimum: int, level: float
) -> Correlations:
    """Set the records with each value of each feature beside all others."""
    scopes = {feature: attrs.evolve(scope, by=feature) for feature in features}
    rows = [row for part in scopes.values() for row in _rows(source, part, minimum)]
    rows = [_judged(row, q, level) for row, q in zip(rows, _tested_once(rows), strict=True)]
    rows.sort(key=lambda row: (not row.goes_with, -(row.odds_ratio or 0)))
    about = attrs.evolve(scope, by="feature").about(
        "correlations",
        "odds ratio",
        sentence=f"won and lost of the records with a value of {', '.join(features)}, beside those of all "
        "others; values are those of the closing, in custom fields those as of then, even if filled in "
        "later; what goes together is not cause and effect",
        population=CLOSED,
        time_axis=BY_CLOSING,
        formula=FORMULA,
        left_out="void records, and open ones: of the young, only those decided soon are seen",
    )
    return Correlations(about=about, rows=tuple(rows), ids=partial(_ids, source, scopes))


def _rows(source: Source, scope: Scope, minimum: int) -> list[Correlation]:
    counts, _ = counted(source, scope, "outcomes/endings", "{outcomes}")
    ended = {key: (number(counts[key], "won"), number(counts[key], "lost")) for key in sorted(counts)}
    all_won, all_lost = (sum(pair[n] for pair in ended.values()) for n in (0, 1))
    return [
        _row(scope, key, (won, lost), (all_won - won, all_lost - lost), minimum)
        for key, (won, lost) in ended.items()
    ]


def _row(scope: Scope, key: str, own: tuple[int, int], others: tuple[int, int], minimum: int) -> Correlation:
    tested = own[0], sum(own), others[0], sum(others)
    few = min(sum(own), sum(others)) < minimum
    ratio, low, high = (None, None, None) if few else odds_ratio(*tested)
    return Correlation(
        group=scope.group_of(key),
        feature=scope.by or "",
        won=own[0],
        lost=own[1],
        rate=Rate.of(*tested[:2], NOBODY),
        others_won=others[0],
        others_lost=others[1],
        others=Rate.of(*tested[2:], NOBODY),
        odds_ratio=ratio,
        low=low,
        high=high,
        p=None if few else fisher(*tested),
        q=None,
        goes_with="",
        reason=f"not enough data: fewer than {minimum} with it, or without it" if few else "",
    )


def _tested_once(rows: Sequence[Correlation]) -> list[float | None]:
    """Return the q of each row. Two values of a feature are one test: each is the others of the other."""
    values = Counter(row.feature for row in rows)
    tests = [(row.feature, 0 if values[row.feature] == 2 else n) for n, row in enumerate(rows)]  # noqa: PLR2004
    p = {test: row.p for test, row in zip(tests, rows, strict=True)}
    q = dict(zip(p, q_values(p.values()), strict=True))
    return [q[test] for test in tests]


def _judged(row: Correlation, q: float | None, level: float) -> Correlation:
    """Say what the value goes with, if anything. The prior does not turn what is not all chance."""
    if q is None or row.odds_ratio is None or q > level:
        return attrs.evolve(row, q=q)
    return attrs.evolve(row, q=q, goes_with="winning" if row.odds_ratio > 1 else "losing")


def _ids(
    source: Source, scopes: dict[str, Scope], feature: str, which: str, *, group: Group = None
) -> list[str]:
    check_cell("feature", feature, scopes)
    check_cell("column", which, _CELLS)
    scope = scopes[feature]
    params = scope.params() | {"key": scope.key_of(group)}
    sql = compose("outcomes/endings", **scope.slots(), tail="{ids}", cell="ending", where=_CELLS[which])
    return [record for (record,) in rows_of(source, sql, params)]
