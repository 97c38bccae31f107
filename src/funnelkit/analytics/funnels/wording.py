"""The text of the credits of a plan, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import attrs

from funnelkit.analytics.funnels.plans import Plan
from funnelkit.analytics.scope import ALWAYS, Scope
from funnelkit.analytics.texts import Params, compose

__all__ = ["converted_text", "credit_text", "jumps", "params_of"]

# What stands in one line, in which turn: who did the step before, who may do this one, what ends it.
# In order of the log, the row itself may do a step before it counts as having done the one before.
_TURNS = {
    "log_order": {"did": "2", "may": "0", "out": "1", "sooner": "<", "sorting": "seq, turn", "clock": "seq"},
    "strict_increase": {"did": "2", "may": "0", "out": "1", "sooner": "<="},
    "step_order": {"did": "0", "may": "1", "out": "2", "sooner": "<="},
}
_BY_TIME = {"sorting": "moved_us, turn, seq", "clock": "moved_us"}
_STEPS = {"ordered": ("step", "ban"), "strict": ("next_step", ""), "attempts": ("attempt", "attempt_ban")}
_ENTERED = "AND moved_us >= :entered_from AND moved_us < :entered_to"
_TOUCH = {"first": "nth = 1", "last": "nth_last = 1"}


def credit_text(scope: Scope, plan: Plan, **slots: str) -> str:
    """Return the text that finds the credits of a plan; ``tail`` is what becomes of them."""
    return compose(f"funnels/credit_{plan.definition.name}", **(_clauses(scope, plan) | slots))


def converted_text(scope: Scope, plan: Plan, between: tuple[int, int], **slots: str) -> str:
    """Return the text that finds how long an ordered funnel takes from one step to another."""
    return compose("funnels/converted", **(_clauses(scope, plan, between) | slots), to=str(between[1]))


def _clauses(scope: Scope, plan: Plan, between: tuple[int, int] = (0, 0)) -> dict[str, str]:
    """Return the clauses of a plan; ``between`` makes the steps carry the time of one of them."""
    clauses = scope.slots() | {"unit": "''", "units": "record_id"} | _BY_TIME | _TURNS[plan.ties]
    if plan.held.startswith("custom."):
        clauses |= _dated("dated_unit", "unit", clauses)
    elif plan.held:
        clauses["unit"] = attrs.evolve(scope, by=plan.held).slots()["group"]
    if plan.held:
        clauses["units"] = "record_id, unit"
    if plan.attribution != "each" and scope.column and scope.column.startswith("custom."):
        clauses |= _dated("dated_group", "group", clauses)
    clauses |= _stepped(plan, clauses, between[0])
    clauses |= _chosen(plan, clauses["units"]) | {"worth_before": ""}
    if plan.horizon_us != ALWAYS[1]:
        clauses["soon"] = "AND m.moved_us - m.created_us <= :horizon"
    return clauses


def params_of(scope: Scope, plan: Plan) -> Params:
    """Return every parameter that the texts of a funnel may name."""
    return {
        **scope.params(),
        **{f"step_{n}": place for n, place in enumerate(plan.places, 1)},
        **{f"ban_{n}": ban.place for n, ban in enumerate(plan.bans, 1)},
        "within": plan.within_us,
        "never": ALWAYS[1],
        "horizon": plan.horizon_us,
        "entered_from": plan.entered[0],
        "entered_to": plan.entered[1],
        "touch_ord": plan.names.index(plan.attribution) + 1 if plan.attribution in plan.names else 0,
        "dated_group_field": scope.column or "",
        "dated_unit_field": plan.held,
    }


def _dated(name: str, slot: str, clauses: dict[str, str]) -> dict[str, str]:
    """Return the clauses that bring a custom field in as it was when each row was written."""
    return {
        "customs": clauses["customs"] + compose("parts/dated", name=name) + " ",
        "joins": f"{clauses['joins']} LEFT JOIN {name} AS {name}_m "
        f"ON {name}_m.record_id = m.record_id AND {name}_m.seq = m.seq",
        slot: f"COALESCE({name}_m.field_value, 'null')",
    }


def _stepped(plan: Plan, clauses: dict[str, str], since: int) -> dict[str, str]:
    """Return the clauses of a funnel of steps; all of them carry the time of step ``since``, if any."""
    shared = ("units", *_TURNS["step_order"], *_BY_TIME)
    over_seq = "seq" if plan.ties == "log_order" else ":never"
    timing = _since(since)
    fill = partial(compose, over_seq=over_seq, **{name: clauses[name] for name in shared}, **timing)
    numbers = range(1, len(plan.places) + 1)
    step, ban = _STEPS.get(plan.definition.name, ("", ""))
    first = "attempt_first" if plan.definition.name == "attempts" else "first"
    steps = [
        fill(
            f"parts/{step}",
            n=str(n),
            before=str(n - 1),
            bans=_each(fill, ban, _bans(plan, n), " "),
            since_step=_since_of(since, n),
        )
        for n in numbers[1:]
        if step
    ]
    banned = [n for n in numbers[1:] if _bans(plan, n)]
    barred = plan.policy == "discard_entity" and bool(banned)
    last = str(len(plan.places))
    return {
        "anchor": "entry = 1" if plan.anchor == "first" else "entry > 0",
        "entered": _ENTERED if plan.entered != ALWAYS else "",
        "steps": "".join(f"{text}, " for text in steps),
        "firsts": _each(fill, first, numbers, " UNION ALL "),
        "last_times": _each(fill, "latest_of", numbers, ", "),
        "together": _each(fill, "lately", numbers, " + "),
        "discard": fill("parts/discard", last=last, hits=_each(fill, "hit", banned, " UNION ALL "))
        if barred
        else "",
        "spared": fill("parts/spared") if barred else "",
        "struck": _each(fill, "struck", banned, " "),
        "over_seq": over_seq,
        "last": last,
        "since_first": _since_of(since, 1),
    }


def _since(since: int) -> dict[str, str]:
    """Return what the rows of a step carry along when times are asked for."""
    if not since:
        return {"since_did": "", "since_none": "", "since_lag": ""}
    return {"since_did": ", since_us", "since_none": ", 0 AS since_us", "since_lag": "{since_of_before}"}


def _since_of(since: int, step: int) -> str:
    if not since:
        return ""
    return ", since_us" if step > since else f", {'moved_us' if step == since else '0'} AS since_us"


def jumps(rounds: int) -> dict[str, str]:
    """Return the clauses that follow up to ``2 ** rounds`` attempts of a record."""
    texts = (compose("parts/jump", n=str(n), before=str(n - 1)) for n in range(1, rounds + 1))
    return {"jumps": "".join(f"{text}, " for text in texts), "rounds": str(rounds)}


def _each(fill: Callable[..., str], part: str, numbers: Iterable[int], between: str) -> str:
    """Return a part once for each number."""
    return between.join(fill(f"parts/{part}", n=str(n)) for n in numbers)


def _bans(plan: Plan, step: int) -> list[int]:
    """Return the numbers of the bans that are in force while a step is waited for."""
    return [n for n, ban in enumerate(plan.bans, 1) if ban.after < step <= ban.before]


def _chosen(plan: Plan, units: str) -> dict[str, str]:
    """Return the clauses between the credits and their counting: entry period and attribution."""
    choice, chosen = "", "credit"
    is_of_attempts = plan.definition.name == "attempts"
    units = "record_id, unit" if is_of_attempts else units
    if plan.entered != ALWAYS and (is_of_attempts or plan.definition.name not in _STEPS):
        choice, chosen = compose("parts/entrants", units=units), "entrants"
    if plan.attribution != "each":
        part = "parts/all_touches" if plan.attribution == "all" else "parts/one_touch"
        touch = _TOUCH.get(plan.attribution, "low < :touch_ord AND high >= :touch_ord")
        choice += " " + compose(part, units=units, touching=chosen, touch=touch)
        chosen = "touched"
    return {
        "choice": choice,
        "chosen": chosen,
        "counted": f"{units}, grp" if plan.attribution == "all" else units,
    }
