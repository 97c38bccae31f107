"""Hand-checked histories of other products and of textbooks, where our definitions are meant."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.analytics.cohorts.reference_leads import lead_metrics
from tests.analytics.histories import START, Edit, Place, Record, analytics, hour

from funnelkit import Engine, FrozenClock, Pipeline, Stage
from funnelkit.analytics import Analytics, Exclusion, Funnel, kaplan_meier, wilson
from funnelkit.analytics.times.incidence import aalen_johansen
from funnelkit.analytics.times.survival import Lasted

Case = dict[str, Any]

DATA = Path(os.environ.get("FUNNELKIT_DATA") or Path(__file__).parents[3] / "shared" / "data")
FILE = DATA.parent / "funnel_cases.json"

LEFT = {
    "simpson_managers": "see tests/analytics/people/test_comparison.py",
    "funnel_plot_limits": "see tests/analytics/people/test_comparison.py",
}
"""Cases that are not run, and why."""

RUN = [
    "same_event_not_reused",
    "window_anchor_any",
    "ordered_gap_not_monotone_visits",
    "window_boundary_3",
    "repeat_step_two_people",
    "tie_second_logged_first_log_order",
    "conversion_times",
    "ordered_duplicate_step_names",
    "window_reentry_after_timeout_first",
    "range_applies_to_entry",
    "ordered_intervening_events_ok",
    "ordered_step_two_nobody",
    "ordered_single_step",
    "ordered_revisit_after_step",
    "ordered_on_strict_table",
    "ordered_empty_log",
    "window_two_sizes",
    "window_reentry_after_timeout_any",
    "crm_all_vs_any_any",
    "crm_conversion_funnel",
    "crm_reached_furthest",
    "crm_entries_ratio",
    "crm_direct_moves_only",
    "crm_transition_counts",
    "crm_win_rate_two_denominators",
    "crm_deleted_excluded",
    "crm_time_in_stage_reentry",
    "km_time_in_stage",
    "crm_lead_to_deal",
    "aj_event_at_time_zero",
    "aj_win_loss_open",
    "aj_ties_with_censoring",
    "markov_absorbing",
    "tie_chain_step_order",
    "tie_chain_strict_increase",
    "tie_second_logged_first_strict_time",
    "exclusion_between_0_1",
    "exclusion_between_1_2",
    "exclusion_between_1_3",
    "totals_two_attempts",
    "totals_timeout_then_enter",
    "totals_no_double_entry",
    "hold_property_held",
    "breakdown_first_touch",
    "breakdown_last_touch",
    "strict_seven_people",
    "strict_vs_ordered_table",
    "unordered_completed_k_steps",
    "crm_all_vs_any_all",
    "crm_reopen_every_close",
    "crm_merge_duplicates",
    "trend_incomplete_buckets_flagged",
    "wilson_empty",
    "wilson_interval",
    "sales_velocity",
    "correlation_odds_ratio",
]


def cases() -> dict[str, Case]:
    """Return the cases by name, or skip."""
    if not FILE.is_file():
        pytest.skip(f"the cases are not there: {FILE} (set FUNNELKIT_DATA to the folder beside them)")
    return {case["name"]: case for case in json.loads(FILE.read_text("utf-8"))}


def metrics(case: Case) -> Analytics:
    """Return the metrics over the events of a case; a name that means an outcome becomes one."""
    ends = {case["params"].get("lost"): "lost", "won": "won", "lost": "lost"}
    paths: dict[str, list[Place]] = defaultdict(list)
    stages = dict.fromkeys(stage for stage in case["stages"] if stage not in ends)
    owners: dict[str, list[Edit]] = defaultdict(list)
    for n, (name, place, seconds) in enumerate(case["events"]):
        t = seconds / 3600
        if place not in ends:
            stages.setdefault(place)
            if paths[name] and paths[name][-1].place == place:
                paths[name].append(Place(t, "p", "lost"))  # taken back: the stage is entered again
        if props := case["params"].get("props"):
            owners[name].append(Edit(t, "owner", props[n]))
        paths[name].append(Place(t, "p", ends.get(place, place)))
    for name in case["params"].get("deleted", ()):
        t = paths[name][-1].t
        paths[name] += [Place(t, "p", "new"), Place(t, "p", "void")]
    records = []
    for name, path in paths.items():
        known = owners[name] or [Edit(path[0].t, "owner", "")]
        events = sorted([*known[1:], *path], key=lambda event: event.t)
        records.append(Record(name, path[0].t, known[0].value, ("", 0), "", "", {}, tuple(events)))
    as_of = case["params"].get("as_of")
    return analytics(records, {"p": tuple(stages)}, now=1e6 if as_of is None else as_of / 3600)


def funnel_of(case: Case, definition: Any, **more: Any) -> Funnel:
    """Return the funnel of steps that a case asks for."""
    params, stages = case["params"], case["stages"]
    given: dict[str, Any] = {"window": f"{params['window']}s" if params.get("window") else None}
    if definition in ("ordered", "strict"):
        given["anchor"] = params.get("window_anchor", "any")
    if definition == "ordered":
        given["ties"] = params.get("ties", "log_order")
        given["exclusions"] = [
            Exclusion(item["stage"], stages[item["from"]], stages[item["to"]])
            for item in params.get("exclusions", ())
        ]
        given["policy"] = params.get("exclusion_policy", "end_attempt")
        given["held"] = "owner" if params.get("hold") else None
    if params.get("entry_from") is not None:
        given["entered"] = hour(params["entry_from"] / 3600), hour(params["entry_to"] / 3600)
    return metrics(case).funnel(definition=definition, steps=stages, **given, **more)


def check_velocity(case: Case) -> None:
    """So many records of one value, some of them won after the cycle, the rest lost on the way."""
    params, end = case["params"], case["params"]["cycle_days"] * 24
    won = round(params["n"] * params["win_rate"])
    records = [
        Record(f"d{n}", 0, "", ("EUR", params["value"] * 100), "", "", {}, (Place(0, "p", "a"), last))
        for n in range(params["n"])
        for last in [Place(end, "p", "won") if n < won else Place(1, "p", "lost")]
    ]
    (row,) = analytics(records, {"p": ("a",)}).velocity().rows
    assert float(row.per_day["EUR"].amount) == pytest.approx(case["expected"]["per_day"], abs=0.005)


def check_ordered(case: Case) -> None:
    """Counts by step, rates and times where they are given, and levels of single records."""
    params, expected = case["params"], case["expected"]
    if breakdown := params.get("breakdown"):
        funnel = funnel_of(case, "ordered", by="owner", attribution=breakdown.removesuffix("_touch"))
        groups = dict.fromkeys(row.group for row in funnel.rows)
        found = {key: [row.count for row in funnel.rows if row.group == key] for key in groups}
        assert found == expected["by_value"]
        return
    check_steps("attempts" if params.get("count") == "totals" else "ordered")(case)
    for n, mean in enumerate(expected.get("mean_times", ())):
        if mean is not None:
            window = f"{params['window']}s"
            names = case["stages"][n - 1], case["stages"][n]
            times = metrics(case).time_to_convert(
                start=names[0], end=names[1], steps=case["stages"], window=window
            )
            (row,) = times.rows
            assert row.mean == timedelta(seconds=mean)
            if row.converted % 2:  # of an even number, ours is the lower one of the middle
                assert row.p50 == timedelta(seconds=expected["median_times"][n])


def check_steps(definition: Any) -> Callable[[Case], None]:
    """Counts of one definition of steps, rates, and levels of single records."""

    def check(case: Case) -> None:
        expected, funnel = case["expected"], funnel_of(case, definition)
        assert [row.count for row in funnel.rows] == expected["counts"]
        check_rates(case, funnel.rows)
        for name, level in expected.get("levels", {}).items():
            assert sum(name in funnel.ids(row.stage) for row in funnel.rows) == level

    return check


def check_trend(case: Case) -> None:
    """Counts by day of entry, and which days are complete."""
    window, expected = f"{case['params']['window']}s", case["expected"]
    trend = metrics(case).funnel_trend(steps=case["stages"], window=window, every="day")
    days = [f"{(date.fromisoformat(row.period) - START.date()).days}" for row in trend.rows]
    assert (
        dict(zip(days, (list(row.counts.values()) for row in trend.rows), strict=True))
        == (expected["by_entry_day"])
    )
    assert dict(zip(days, (row.complete for row in trend.rows), strict=True)) == expected["complete"]


def check_merge(case: Case) -> None:
    """Two records of one client: merged, they count once."""
    engine = Engine(Pipeline("p", [Stage("new")]), clock=(clock := FrozenClock(START)))
    for name, place, seconds in case["events"]:
        clock.tick(hour((seconds + 1) / 3600) - clock.now())
        engine.win(name) if place == "won" else engine.create(name, id=name, stage=place)
    engine.apply(engine.plan_merge(["d1", "d2"]))
    assert list(engine.funnel().counts().values()) == case["expected"]["counts"]


def check_reached(case: Case) -> None:
    """The furthest stage, of records as they are or merged."""
    (check_merge if case["params"].get("merge") else check_counts("reached"))(case)


def check_rates(case: Case, rows: Any) -> None:
    """Rates of the row before and of the first row, where the case gives them."""
    for name in ("of_previous", "of_first", "of_all"):
        rates = [getattr(row, name) for row in rows]
        if wanted := case["expected"].get(name):
            assert [rate and rate.value for rate in rates] == [
                share if share is None else pytest.approx(share, abs=1e-6) for share in wanted
            ]


def check_counts(definition: Any) -> Callable[[Case], None]:
    """Counts of one definition, for the stages of the case."""

    def check(case: Case) -> None:
        funnel = metrics(case).funnel(definition=definition)
        rows = [funnel[stage] for stage in case["stages"]]
        assert [row.count for row in rows] == case["expected"]["counts"]
        check_rates(case, rows)

    return check


def check_entries(case: Case) -> None:
    """Entries into a stage, and their ratios."""
    rows = [row for row in metrics(case).entries().rows if row.stage in case["stages"]]
    assert [row.entries for row in rows] == case["expected"]["counts"]
    assert [row.ratio for row in rows] == case["expected"]["of_previous"]


def check_direct(case: Case) -> None:
    """Direct moves by stage, and their rates."""
    expected = case["expected"]
    rows = metrics(case).direct_moves().rows
    assert [row.visited for row in rows] == expected["visited"]
    assert [row.direct for row in rows[:-1]] == expected["direct"]
    assert [row.rate.value for row in rows[:-1]] == pytest.approx(expected["rates"], abs=1e-6)


def check_transitions(case: Case) -> None:
    """Counts of pairs; creations are not among those of the case."""
    rows = metrics(case).transitions().rows
    assert {f"{row.source}>{row.target}": row.count for row in rows if row.source} == case["expected"][
        "pairs"
    ]


def check_outcomes(case: Case) -> None:
    """Won, lost, open and both rates; every closing is a move, whether it stands or not."""
    if case["params"]["policy"] == "every_close":
        moves = dict.fromkeys(("won", "lost"), 0)
        for move in metrics(case).transitions().rows:
            moves[move.target] = moves.get(move.target, 0) + move.count
        share = moves["won"] / (moves["won"] + moves["lost"])
        assert (moves["won"], moves["lost"], share) == tuple(
            case["expected"][name] for name in ("won", "lost", "win_rate")
        )
        return
    (row,) = metrics(case).cohort_win_rate().rows
    expected = case["expected"]
    found = {"won": row.won, "lost": row.lost, "open": row.open, "win_rate": row.rate.value}
    found["created_rate"] = row.so_far.value
    assert {name: found[name] for name in expected} == expected


def check_times(case: Case) -> None:
    """Entries, open stays, and the total of stages that nobody is on."""
    expected = case["expected"]
    rows = {row.stage: row for row in metrics(case).time_in_stage().rows}
    assert {stage: rows[stage].closed + rows[stage].open for stage in case["stages"]} == expected["entries"]
    assert {stage for stage, row in rows.items() if row.open} == set(expected["open"])
    closed = {stage: seconds for stage, seconds in expected["cumulative"].items() if not rows[stage].open}
    assert {stage: rows[stage].total_days * 86_400 for stage in closed} == pytest.approx(closed)


def check_survival(case: Case) -> None:
    """The curve at every time, and its median."""
    params, expected = case["params"], case["expected"]
    pairs = zip(params["durations"], params["observed"], strict=True)
    curve = kaplan_meier([Lasted(t, ended, 1 - ended) for t, ended in pairs])
    assert {t: curve.after(int(t)) for t in expected["survival"]} == pytest.approx(expected["survival"])
    assert curve.quantile(50) == expected["median"]


def check_ends(case: Case) -> None:
    """The chance of each end, as fractions, when all was seen."""
    params, expected = case["params"], case["expected"]
    pairs = zip(params["durations"], params["causes"], strict=True)
    then = aalen_johansen([(t, str(cause or ""), 1) for t, cause in pairs]).at(max(params["durations"]))
    assert {end: Fraction(str(share)) for end, share in expected["cif"].items()} == then.shares
    assert then.open == Fraction(str(expected["open"]))


def check_leads(case: Case) -> None:
    """Leads, those with deals, their deals, and leads with a won deal."""
    places: dict[str, list[Place]] = defaultdict(list)
    for name, place, seconds in case["events"]:
        places[name].append(Place(seconds / 3600, "leads" if place == "lead" else "deals", place))
    records = [Record(name, path[0].t, "", ("", 0), "", "", {}, tuple(path)) for name, path in places.items()]
    deals = {name: name.partition("/")[0] for name in places if "/" in name}
    row = lead_metrics(records, deals).lead_conversion().rows[0]
    found = {
        "leads": row.leads,
        "leads_converted": row.converted.numerator,
        "lead_conversion": row.converted.value,
        "deals": row.deals,
        "deals_per_converted_lead": row.deals_per_converted,
        "leads_won": row.won.numerator,
    }
    assert found == case["expected"]


def check_wilson(case: Case) -> None:
    """Both bounds."""
    found = wilson(case["params"]["x"], case["params"]["n"]) or (None, None)
    wanted = case["expected"]["lo"], case["expected"]["hi"]
    assert found == (wanted if wanted[0] is None else pytest.approx(wanted, abs=1e-6))


def check_chain(case: Case) -> None:
    """Shares of the moves, chances of a win and visits; W and L are the outcomes."""
    ends = dict(zip(case["params"]["absorbing"], ("won", "lost"), strict=True))
    events = [(name, ends.get(place, place), t) for name, place, t in case["events"]]
    found = metrics(case | {"events": events}).chances(least=1)
    chain, expected = found.chains[None], case["expected"]
    for pair, share in expected["P"].items():
        left, entered = pair.split(">")
        assert chain.share(left, ends.get(entered, entered)) == pytest.approx(share)
    for stage, chance in expected["win_from"].items():
        assert chain.chance(stage, "won").value == pytest.approx(chance, abs=1e-6)
    assert found.visits("s1") == pytest.approx(expected["visits_from_s1"], abs=1e-6)


def check_odds_ratio(case: Case) -> None:
    """So many won and lost records, some of either with a mark; the prior is always one."""
    params = case["params"]
    assert params["prior"] == 1
    records = [
        Record(
            f"{end}{n}", 0, "", ("", 0), "marked" if n < marked else "", "", {}, (Place(0, "p", "a"), last)
        )
        for end, how in (("won", "success"), ("lost", "failure"))
        for marked, last in [(params[f"{how}_visited"], Place(1, "p", end))]
        for n in range(params[f"{how}_total"])
    ]
    found = analytics(records, {"p": ("a",)}).correlations(features=["source"], minimum=1)
    (row,) = (row for row in found.rows if row.group)
    assert row.odds_ratio == case["expected"]["odds_ratio"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "ordered": check_ordered,
    "visited": check_counts("visited"),
    "imputed": check_counts("bitrix24"),
    "reached": check_reached,
    "all_previous": check_counts("all_previous"),
    "strict": check_steps("strict"),
    "unordered": check_steps("unordered"),
    "trend": check_trend,
    "entries": check_entries,
    "direct": check_direct,
    "transitions": check_transitions,
    "outcomes": check_outcomes,
    "time_in_stage": check_times,
    "km": check_survival,
    "aj": check_ends,
    "lead_to_deal": check_leads,
    "wilson": check_wilson,
    "velocity": check_velocity,
    "markov": check_chain,
    "odds_ratio": check_odds_ratio,
}


@pytest.mark.data
@pytest.mark.parametrize("name", RUN)
def test_a_case_comes_out_as_worked_out_by_hand(name: str) -> None:
    """The numbers of the case are ours."""
    case = cases()[name]
    CHECKS[case["params"]["mode"]](case)


@pytest.mark.data
def test_every_case_is_run_or_left_with_a_reason() -> None:
    """No case is forgotten, none is made up."""
    assert set(RUN) | set(LEFT) == set(cases())
    assert not set(RUN) & set(LEFT)
