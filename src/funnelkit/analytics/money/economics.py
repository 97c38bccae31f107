"""What sources cost and what came of it: cost per stage, CAC, ROMI, LTV, payback, cohort by cohort.

Spending and what it brought are of one cohort: the records created in the period that was paid for, and
the clients who came of them. Spending of this month set beside wins of this month mixes two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import partial

import attrs

from funnelkit.analytics.funnels.reaching import reached, reached_ids
from funnelkit.analytics.result import About, Group, Result, Row, check_cell
from funnelkit.analytics.scope import Scope
from funnelkit.analytics.texts import Source, compose, rows_of
from funnelkit.money import Money

__all__ = ["Costs", "Economics", "StageCost", "StageCosts", "UnitEconomics", "stage_costs", "unit_economics"]

Costs = Mapping[str, Mapping[str, Money]]
"""Group → currency → what was spent on it in the period of creation, as `Source.spent` returns it."""

_MONTH_US = 30 * 86_400_000_000

FORMULA = (
    "CAC = spent / clients; ROMI = (margin x revenue - spent) / spent; LTV = margin x revenue / clients; "
    "payback = first 30 days after which margin x revenue of the cohort reaches what was spent"
)


@attrs.frozen(kw_only=True)
class StageCost(Row):
    """What it cost to bring one record to a stage.

    Attributes:
        stage, label: The stage, or ``"won"``.
        count: Records of the cohort that got there, by the ``reached`` funnel.
        spent: On the cohort; ``each``: by ``count``, rounded; None where nobody got there.
    """

    stage: str
    label: str
    count: int
    spent: Money
    each: Money | None


class StageCosts(Result[StageCost]):
    """Costs by group, stage and currency. A cell for `ids`: ``ids("offer", group="ads")``."""


@attrs.frozen(kw_only=True)
class Economics(Row):
    """One group in one currency.

    Attributes:
        currency: Of everything in the row.
        spent: On the cohort.
        created: Records of the cohort.
        clients: Who bought for the first time, by a record of the cohort.
        purchases: All that these clients won so far, the later ones too.
        revenue: Their values; ``earned``: revenue times the margin.
        per_record, cac, ltv: Spent by ``created``, spent by ``clients``, earned by ``clients``.
        romi: Earned less spent, by spent: 0.25 is a quarter more than was spent. Without a margin it
            is of revenue, which makes everything look better than it is.
        payback_days: After how many days since their first purchase the clients had earned what was
            spent, in steps of 30; None while they have not.
        reason: Why something is None, or empty.
    """

    currency: str
    spent: Money
    created: int
    clients: int
    purchases: int
    revenue: Money
    earned: Money
    per_record: Money | None
    cac: Money | None
    ltv: Money | None
    romi: float | None
    payback_days: int | None
    reason: str


class UnitEconomics(Result[Economics]):
    """Economics by group and currency. Cells for `ids`: ``ids("purchases", group="ads")``, ``"clients"``."""


def stage_costs(source: Source, scope: Scope, costs: Costs) -> StageCosts:
    """Divide what was spent on a cohort by how many of it got to each stage."""
    counts = reached(source, scope)
    rows = [
        StageCost(
            group=name,
            stage=place,
            label=scope.shape.label(place),
            count=count,
            spent=spent,
            each=_each(spent, count),
        )
        for name in sorted(costs)
        for spent in costs[name].values()
        for place in scope.shape.places
        for count in [counts.get((scope.key_of(name), place), 0)]
    ]
    about = _about(
        scope,
        "stage costs",
        "reached",
        "what was spent on a cohort by how many of its records ever got to a stage",
        "each = spent / count",
    )
    about = attrs.evolve(about, population="records created in the period")
    return StageCosts(about=about, rows=tuple(rows), ids=partial(_reached_ids, source, scope))


def unit_economics(source: Source, scope: Scope, costs: Costs, margin: Decimal | None) -> UnitEconomics:
    """Set what was spent on cohorts beside what their clients brought so far."""
    share = Fraction(1) if margin is None else Fraction(margin)
    created = _created(source, scope)
    bought: dict[tuple[str, str], dict[int, tuple[int, int, int]]] = defaultdict(dict)
    sql = compose("money/lifetimes", **_slots(scope), tail="{purchases}")
    for key, code, age, records, total, clients in rows_of(source, sql, _params(scope)):
        bought[key, code][age] = records, total, clients
    spending = {
        (scope.key_of(name), code): money for name, sums in costs.items() for code, money in sums.items()
    }
    clients_of: dict[str, int] = defaultdict(int)
    for (key, _), ages in bought.items():
        clients_of[key] += sum(clients for _, _, clients in ages.values())
    cells = sorted({cell for cell in spending | bought if cell[1]})
    rows = [
        _row(
            scope.group_of(key),
            spending.get((key, code), Money(0, code)),
            (created.get(key, 0), clients_of[key]),
            bought.get((key, code), {}),
            share,
        )
        for key, code in cells
    ]
    of = "revenue" if margin is None else f"earnings at a margin of {margin}"
    about = _about(
        scope,
        "unit economics",
        f"by {of}",
        f"spending on a cohort beside {of} of the clients whose first purchase came of it, all that they "
        "bought so far counted; clients still buy, so LTV can only grow",
        FORMULA,
    )
    return UnitEconomics(about=about, rows=tuple(rows), ids=partial(_ids, source, scope))


def _about(scope: Scope, metric: str, definition: str, sentence: str, formula: str) -> About:
    return scope.about(
        metric,
        definition,
        sentence=sentence,
        population="records created in the period; clients are companies, else contacts, as of now",
        time_axis="the creation of the record",
        complete=False,
        formula=formula,
        currency_rule="each currency by itself; nothing is converted",
    )


def _row(
    group: Group,
    spent: Money,
    counts: tuple[int, int],
    ages: Mapping[int, tuple[int, int, int]],
    share: Fraction,
) -> Economics:
    created, clients = counts
    code = spent.currency
    revenue = Money(sum(total for _, total, _ in ages.values()), code)
    earned = Money(round(share * revenue.minor), code)
    payback = _payback(spent, ages, share)
    said = ["nothing was spent"] if not spent.minor else []
    said += ["nobody bought"] if not clients else []
    return Economics(
        group=group,
        currency=code,
        spent=spent,
        created=created,
        clients=clients,
        purchases=sum(records for records, _, _ in ages.values()),
        revenue=revenue,
        earned=earned,
        per_record=_each(spent, created),
        cac=_each(spent, clients) if spent.minor else None,
        ltv=_each(earned, clients),
        romi=(earned.minor - spent.minor) / spent.minor if spent.minor else None,
        payback_days=payback,
        reason="; ".join(said),
    )


def _payback(spent: Money, ages: Mapping[int, tuple[int, int, int]], share: Fraction) -> int | None:
    if not spent.minor:
        return None
    earned = Fraction(0)
    for age in sorted(ages):
        earned += share * ages[age][1]
        if earned >= spent.minor:
            return (age + _MONTH_US) // 86_400_000_000
    return None


def _each(money: Money, count: int) -> Money | None:
    return Money(round(Fraction(money.minor, count)), money.currency) if count else None


def _created(source: Source, scope: Scope) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    sql = compose("outcomes/state", **scope.slots(), tail="{standings}")
    for key, status, _, records, _ in rows_of(source, sql, scope.params()):
        found[key] += records if status != "void" else 0
    return found


def _slots(scope: Scope) -> dict[str, str]:
    return scope.slots() | {"table": "lead" if scope.shape.kind == "lead" else "deal"}


def _params(scope: Scope) -> dict[str, int | str]:
    return scope.params() | {"month": _MONTH_US}


def _ids(source: Source, scope: Scope, which: str, *, group: Group = None) -> list[str]:
    columns = {"purchases": "", "clients": " AND is_first = 1"}
    check_cell("column", which, columns)
    where = f"grp = :key{columns[which]}"
    sql = compose("money/lifetimes", **_slots(scope), tail="{ids}", cell="lifetime", where=where)
    params = _params(scope) | {"key": scope.key_of(group)}
    return [record for (record,) in rows_of(source, sql, params)]


def _reached_ids(source: Source, scope: Scope, stage: str, *, group: Group = None) -> list[str]:
    return reached_ids(source, scope, stage, scope.key_of(group))
