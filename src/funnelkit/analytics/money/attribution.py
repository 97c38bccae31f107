"""Which source is to be thanked for a win that took several inquiries. Every rule shares each win out whole.

The rules disagree, for they answer different questions; they stand beside one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any, Literal

import attrs

from funnelkit.analytics.result import Group, Result, Row, check_cell
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["RULES", "Attribution", "Rule", "Thanks", "attribution", "removal_shares"]

Rule = Literal["first", "last", "linear", "position", "markov"]
RULES: tuple[Rule, ...] = ("first", "last", "linear", "position", "markov")

FORMULA = (
    "first, last: all to that inquiry; linear: the same to each; position: 40 % to the first, 40 % to the "
    "last, the rest to those between; markov: by how much fewer would win if whoever comes to the source "
    "was lost there (removal effect, Anderl et al. 2016), brought to a sum of one"
)

Journeys = Mapping[tuple[str, str], tuple[int, int, int]]
"""(source before or "", source) → how many went on from there, won, came to nothing."""


@attrs.frozen(kw_only=True)
class Thanks(Row):
    """What one source is credited with; ``group`` is the source.

    Attributes:
        touches: Its inquiries that led to a win. A source without any can still be credited by
            markov: those who came from it to another source are taken to win as often as all others there.
        first, last, linear, position, markov: Wins credited by each rule; each column sums to all wins
            that had an inquiry of a known source.
        sums: Currency → value of the wins, shared out by the rule that was asked for; no cent is lost.
    """

    touches: int
    first: float
    last: float
    linear: float
    position: float
    markov: float
    sums: dict[str, Money] = attrs.field(hash=False)


class Attribution(Result[Thanks]):
    """Credits by source. Cells for `ids`: ``ids("touches", group="ads")``: the inquiries; ``"wins"``."""


def attribution(source: Source, scope: Scope, rule: Rule) -> Attribution:
    """Share the wins out over the sources of the inquiries that led to them."""
    credits_: dict[Rule, dict[str, Fraction]] = {name: defaultdict(Fraction) for name in RULES}
    worth: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    touched: dict[str, int] = defaultdict(int)
    whole: dict[str, Fraction] = defaultdict(Fraction)
    wins = Fraction(0)
    for name, first, last, touches, code, records, total in _asked(source, scope, "{credited}"):
        touched[name] += records
        shares = _shares(first, last, touches)
        for each, share in shares.items():
            credits_[each][name] += share * records
        wins += shares["first"] * records
        whole[code] += shares["first"] * total
        if rule != "markov":
            worth[code][name] += shares[rule] * total
    removed = removal_shares(_journeys(source, scope))
    for name, share in removed.items():
        credits_["markov"][name] = share * wins
    if rule == "markov":
        for code, total in whole.items():
            worth[code] = {name: share * total for name, share in removed.items()}
    split = {code: _in_minor_units(shares) for code, shares in worth.items() if code}
    rows = [_row(name, touched[name], credits_, split) for name in sorted({*touched, *removed})]
    about = scope.about(
        "attribution",
        rule,
        sentence="wins shared out over the inquiries (leads, and deals without one) of the client since the "
        f"purchase before; sums by the rule {rule}",
        population="wins that stand, with an inquiry of a known source; clients are of now",
        time_axis="the win",
        formula=FORMULA,
        left_out="void records, and inquiries of an unknown source",
    )
    return Attribution(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


def removal_shares(journeys: Journeys) -> dict[str, Fraction]:
    """Return each source's part of all removal effects; they sum to one, or there are none.

    A journey is a walk from source to source that ends in a win or in nothing. A source is removed
    by losing everybody who comes to it.

    Source: E. Anderl, I. Becker, F. von Wangenheim and J. Schumann, Mapping the customer journey, 2016.

    >>> removal_shares({("", "ads"): (1, 0, 1), ("ads", "fair"): (0, 1, 0), ("", "fair"): (0, 1, 1)})
    {'ads': Fraction(1, 4), 'fair': Fraction(3, 4)}
    """
    names = sorted({name for _, name in journeys})
    wins = _chance_of_a_win(journeys, names)
    if not wins:
        return {}
    effects = {name: 1 - _chance_of_a_win(journeys, names, without=name) / wins for name in names}
    return {name: effect / sum(effects.values()) for name, effect in effects.items()}


def _chance_of_a_win(journeys: Journeys, names: list[str], without: str | None = None) -> Fraction:
    """Return the chance that a walk from the start ends in a win, by exact elimination."""
    steps: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for (before, name), (on, won, nothing) in journeys.items():
        steps[before][name] += on + won + nothing
        steps[name]["(won)"] += won
        steps[name]["(nothing)"] += nothing
    order = ["", *names]
    rows = []
    for name in order:
        out = sum(steps[name].values())
        own = {to: weight / out for to, weight in steps[name].items()} if out and name != without else {}
        line = [Fraction(int(name == to)) - own.get(to, Fraction(0)) for to in order]
        rows.append([*line, own.get("(won)", Fraction(0))])
    return _solved(rows)[0]


def _solved(rows: list[list[Fraction]]) -> list[Fraction]:
    """Solve a small system of equations; the last column is the right side."""
    size = len(rows)
    for n in range(size):
        pivot = next(m for m in range(n, size) if rows[m][n])
        rows[n], rows[pivot] = rows[pivot], rows[n]
        scale = rows[n][n]
        rows[n] = [value / scale for value in rows[n]]
        for m in range(size):
            if m != n and rows[m][n]:
                factor = rows[m][n]
                rows[m] = [value - factor * own for value, own in zip(rows[m], rows[n], strict=True)]
    return [row[-1] for row in rows]


def _shares(is_first: int, is_last: int, touches: int) -> dict[Rule, Fraction]:
    """Return what one inquiry gets of one win by every rule that looks at its place alone."""
    if touches == 1:
        position = Fraction(1)
    elif touches == 2:  # noqa: PLR2004 (nobody is between the first and the last)
        position = Fraction(1, 2)
    else:
        position = Fraction(2, 5) if is_first or is_last else Fraction(1, 5) / (touches - 2)
    return {
        "first": Fraction(is_first),
        "last": Fraction(is_last),
        "linear": Fraction(1, touches),
        "position": position,
    }


def _in_minor_units(shares: Mapping[str, Fraction]) -> dict[str, int]:
    """Round shares to whole minor units by the largest remainder, so that their sum is kept."""
    floors = {name: int(share // 1) for name, share in shares.items()}
    left = int(sum(shares.values())) - sum(floors.values())
    for name in sorted(shares, key=lambda name: (floors[name] - shares[name], name))[:left]:
        floors[name] += 1
    return floors


def _row(
    name: str,
    touches: int,
    credits_: Mapping[Rule, Mapping[str, Fraction]],
    split: Mapping[str, Mapping[str, int]],
) -> Thanks:
    wins = {rule: float(credits_[rule].get(name, 0)) for rule in RULES}
    sums = {code: Money(minor[name], code) for code, minor in sorted(split.items()) if name in minor}
    return Thanks(group=name, touches=touches, sums=sums, **wins)


def _journeys(source: Source, scope: Scope) -> Journeys:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for before, name, ending, records in _asked(source, scope, "{journeys}"):
        found[before, name][ending] += records
    return {pair: (on, won, nothing) for pair, (on, won, nothing) in found.items()}


def _asked(source: Source, scope: Scope, tail: str) -> list[tuple[Any, ...]]:
    sql = compose("money/touches", **scope.slots(), tail=tail)
    return rows_of(source, sql, scope.params() | {"forever": ALWAYS[1]})


def _ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns = {"touches": "record_id", "wins": "won_id"}
    check_cell("column", which, columns)
    params = scope.params() | {"forever": ALWAYS[1], "key": str(group or "")}
    where = "won_id <> '' AND lead_source = :key"
    sql = compose("money/touches", **scope.slots(), tail="{thanked}", where=where, which=columns[which])
    return [record for (record,) in rows_of(source, sql, params)]
