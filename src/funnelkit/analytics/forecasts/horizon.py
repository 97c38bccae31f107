"""What is won by a date: from what is open, from what does not exist yet, and what is won already."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from random import Random

import attrs

from funnelkit.analytics.forecasts.answer import Ahead, DealAhead, Forecast, Part, no_row, row_of
from funnelkit.analytics.forecasts.distribution import poisson_binomial, predictive
from funnelkit.analytics.forecasts.history import OpenDeal, Said, history
from funnelkit.analytics.forecasts.reading import Asked, arrivals, booked, open_deals, worths
from funnelkit.analytics.forecasts.revenue import NewTotals, OpenTotals, Worths, effort, nothing
from funnelkit.analytics.outcomes.endings import ending_ids
from funnelkit.analytics.result import About, Group, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source
from funnelkit.clock import from_us
from funnelkit.money import Money

__all__ = ["DRAWS", "forecast"]

DRAWS = 10_000


def forecast(source: Source, scope: Scope, asked: Asked) -> Forecast:
    """Forecast wins and value from ``as_of`` until the end of the time."""
    deals = open_deals(source, scope)
    past = history(source, scope, deals, asked.horizon_us, asked.least)
    said = [(deal, past.chance(deal)) for deal in deals]
    fresh, reason = arrivals(source, scope, asked, past)
    had = booked(source, scope, asked)
    keys = sorted({*(deal.key for deal in deals), *fresh, *had}) if scope.column else [""]
    worth = worths(source, scope, asked) if fresh else {}
    by_key: dict[str, list[tuple[OpenDeal, Said]]] = defaultdict(list)
    for deal, answer in said:
        by_key[deal.key].append((deal, answer))
    rows: list[Ahead] = []
    parts: dict[tuple[Group, str], Part] = {}
    for key in keys:
        group = scope.group_of(key)
        found = _parts(asked, by_key[key], (fresh.get(key), worth), had.get(key))
        parts |= {(group, name): part for name, part in found.items()}
        rows += _rows(group, found, reason, by_key[key], asked)
    known = tuple(_listed(scope, deal, answer) for deal, answer in said)
    return Forecast(
        about=_about(scope, asked, known, parts.values()),
        rows=tuple(rows),
        ids=partial(_ids, source, scope, asked, known),
        until=from_us(scope.as_of_us + asked.horizon_us).astimezone(scope.zone),
        deals=known,
        parts=parts,
    )


def _parts(
    asked: Asked,
    deals: list[tuple[OpenDeal, Said]],
    new: tuple[tuple[int, int, float] | None, Mapping[str, Worths]],
    done: tuple[int, dict[str, int]] | None,
) -> dict[str, Part]:
    """Return the distributions of one group."""
    known = [(deal, said.chance) for deal, said in deals if said.chance is not None]
    cells: dict[float, int] = defaultdict(int)
    worth: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for deal, chance in known:
        cells[chance] += 1
        if deal.currency and deal.amount:
            worth[deal.currency].append((chance, deal.amount))
    wins = poisson_binomial(sorted(cells.items()))
    fresh, prices = new
    lately, span, exposure = fresh or (0, 1, 0.0)
    coming = predictive(lately, exposure / span)
    key = known[0][0].key if known else ""
    codes = sorted({*worth, *(prices if fresh else ())})
    books = [OpenTotals.of(worth.get(code, ())) for code in codes]
    tills = [NewTotals.of(coming, prices.get(code, ())) for code in codes]
    level, draws = effort([*books, *tills], asked.draws)
    sums, later = {}, {}
    for code, book, till in zip(codes, books, tills, strict=True):
        random = Random(f"{asked.seed} {key} {code}")  # noqa: S311 (a simulation, repeatable on purpose)
        sums[code] = book.draw(level, draws, random)
        later[code] = till.draw(level, draws, random)
    had, held = done or (0, {})
    total = {
        code: (sums.get(code) or nothing(draws)) + (later.get(code) or nothing(draws))
        for code in sorted({*sums, *later, *held})
    }
    return {
        "booked": Part(
            records=had,
            wins=poisson_binomial([]).plus(had),
            sums={code: nothing(1).plus(amount) for code, amount in held.items()},
        ),
        "open": Part(records=len(deals), wins=wins, sums=sums),
        "new": Part(records=lately * asked.horizon_us / span, wins=coming, sums=later),
        "total": Part(
            records=None,
            wins=(wins + coming).plus(had),
            sums={code: sample.plus(held.get(code, 0)) for code, sample in total.items()},
        ),
    }


def _rows(
    group: Group,
    parts: Mapping[str, Part],
    why_not_new: str,
    deals: list[tuple[OpenDeal, Said]],
    asked: Asked,
) -> list[Ahead]:
    unknown = sum(said.chance is None for _, said in deals)
    reason = f"of {unknown} of the records too little is known, they are not in it" if unknown else ""
    why = {
        "open": reason if unknown == len(deals) else "",
        "new": why_not_new,
        "total": why_not_new or (reason if unknown and unknown == len(deals) else ""),
    }
    rows = []
    for name, part in parts.items():
        if name == "booked" and asked.since_us is None:
            continue
        if why.get(name):
            rows.append(no_row(group, name, part, why[name]))
        else:
            rows.append(row_of(group, name, part, reason if name in ("open", "total") else ""))
    return rows


def _listed(scope: Scope, deal: OpenDeal, said: Said) -> DealAhead:
    return DealAhead(
        record=deal.record,
        stage=deal.stage,
        group=scope.group_of(deal.key),
        age=timedelta(microseconds=deal.age_us),
        value=Money(deal.amount, deal.currency) if deal.currency else None,
        chance=said.chance,
        said_by=said.by,
        count=said.count,
    )


def _about(scope: Scope, asked: Asked, deals: Iterable[DealAhead], parts: Iterable[Part]) -> About:
    samples = [sample for part in parts for sample in part.sums.values()]
    draws = min((len(sample.totals) for sample in samples if len(sample.totals) > 1), default=asked.draws)
    bound = max((sample.bound for sample in samples), default=0.0)
    noise = 100 * math.sqrt(0.09 / draws)
    end = from_us(scope.as_of_us + asked.horizon_us).astimezone(scope.zone)
    quality: dict[str, int] = defaultdict(int)
    for deal in deals:
        if deal.said_by not in ("stage and age", "nothing"):
            quality[f"open records whose chance is that of the {deal.said_by}"] += 1
        elif deal.chance is None:
            quality["open records of whose chance too little is known, not in the numbers"] += 1
        if deal.value is None:
            quality["open records without a value"] += 1
    return scope.about(
        "forecast",
        "by horizon",
        sentence=f"what is won until {end:%Y-%m-%d %H:%M %Z}: each open record by what became of those who "
        "had been on its stage for as long, chances taken as known; new ones come as they came in the last "
        f"{asked.recent_us / 86_400_000_000:g} days. Wins are calculated; totals of "
        f"money are {draws:,} draws with seed {asked.seed}: 10 % and 90 % are good to ± {noise:.1f} points"
        + (f", and {100 * bound:.1f} more where small deals are drawn as one" if bound else ""),
        population="open records of the pipeline; the history is that of the whole pipeline, unfiltered",
        time_axis="the win",
        formula="P(win by h | stage, age): Aalen-Johansen from the landmark (H. Putter and C. Spitoni 2018); "
        "wins: Poisson-binomial; new: negative binomial, rate of creation times the integral of the "
        "incidence of a win over the time that is left",
        quality=quality,
    )


def _ids(
    source: Source,
    scope: Scope,
    asked: Asked,
    deals: Iterable[DealAhead],
    which: str,
    *,
    group: Group = None,
) -> list[str]:
    check_cell("part", which, ("booked", "open", "nothing"))
    if which == "booked":
        closed = (scope.as_of_us + 1 if asked.since_us is None else asked.since_us, scope.as_of_us + 1)
        return ending_ids(source, attrs.evolve(scope, closed=closed), "won", group=group)
    return [deal.record for deal in deals if deal.group == group and (which == "open" or deal.chance is None)]
