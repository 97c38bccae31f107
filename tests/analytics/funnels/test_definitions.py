"""Each funnel of steps against the slow reference, over random histories, options, filters and groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.funnels import reference_steps as ref
from tests.analytics.funnels.reference_steps import Ban, How
from tests.analytics.histories import Record, analytics, histories, hour
from tests.analytics.reference import Asked

from funnelkit.analytics import Exclusion, Funnel
from funnelkit.money import Money

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
PLACES = ("new", "call", "offer", "deal", "won")
STEPPED = ("ordered", "strict", "unordered", "attempts")


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    """Draw what is asked for of the records."""
    return Asked(
        as_of=draw(st.sampled_from([10_000, 10_000, *range(8, 25)])),
        owner=draw(st.sampled_from([None] * 4 + ["ann"])),
        source=draw(st.sampled_from([None] * 4 + ["web"])),
        by=draw(st.sampled_from([None, None, "owner", "owner", "source", "custom.segment"])),
    )


@st.composite
def ways(draw: st.DrawFn, definition: str) -> How:
    """Draw how a funnel of steps is counted."""
    repeats = definition in ("ordered", "strict", "attempts") and draw(st.booleans())
    steps = tuple(draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4, unique=not repeats)))
    distinct = len(set(steps)) == len(steps)
    ties = "log_order"
    if definition in ("ordered", "attempts"):
        orders = ["log_order", "log_order", "strict_increase", *["step_order"] * distinct]
        ties = draw(st.sampled_from(orders))
    foreign = [place for place in (*PLACES[:-1], "lost") if place not in steps]
    bans: tuple[Ban, ...] = ()
    if definition in ("ordered", "attempts") and len(steps) > 1 and foreign and draw(st.booleans()):
        after = draw(st.integers(1, len(steps) - 1))
        bans = (Ban(draw(st.sampled_from(foreign)), after, draw(st.integers(after + 1, len(steps)))),)
    start = draw(st.integers(0, 12))
    return How(
        definition,
        steps,
        window=draw(st.sampled_from([1e9, 1e9, 1, 3, 8])),
        anchor=draw(st.sampled_from(["any", "any", "first"]))
        if definition in ("ordered", "strict")
        else "any",
        ties=ties,
        bans=bans,
        policy=draw(st.sampled_from(["end_attempt", "discard_entity"]))
        if definition == "ordered"
        else "end_attempt",
        held=draw(st.sampled_from(["", "", "", "owner", "source", "custom.segment"])),
        entered=draw(st.sampled_from([(-1e9, 1e9)] * 3 + [(start, start + 6)])),
        attribution=draw(
            st.sampled_from(["each", "each", "first", "last", "all", str(draw(st.integers(1, len(steps))))])
        ),
    )


def names_of(how: How) -> list[str]:
    """Return the names of the rows."""
    if how.definition == "unordered":
        return ["1 step", "2 steps", "3 steps", "4 steps", "5 steps"][: len(how.steps)]
    counts = [how.steps[: n + 1].count(step) for n, step in enumerate(how.steps)]
    return [step if n == 1 else f"{step} ({n})" for step, n in zip(how.steps, counts, strict=True)]


def asked_of(records: list[Record], asked: Asked, how: How) -> Funnel:
    """Return the funnel of the package."""
    names = names_of(how)
    given: dict[str, Any] = {
        "steps": how.steps,
        "window": None if how.window == 1e9 else timedelta(hours=how.window),
        "anchor": how.anchor,
        "ties": how.ties,
        "exclusions": [Exclusion(b.place, names[b.after - 1], names[b.before - 1]) for b in how.bans],
        "policy": how.policy,
        "held": how.held or None,
        "attribution": names[int(how.attribution) - 1] if how.attribution.isdigit() else how.attribution,
    }
    if how.definition == "all_previous":
        given = {"attribution": given["attribution"]}
    if how.entered != (-1e9, 1e9):
        given["entered"] = (hour(how.entered[0]), hour(how.entered[1]))
    return analytics(records).funnel(
        "sales",
        definition=how.definition,  # type: ignore[arg-type]
        as_of=hour(asked.as_of),
        owner=asked.owner,
        source=asked.source,
        by=asked.by,
        **given,
    )


def check(records: list[Record], asked: Asked, how: How) -> None:
    """Compare every cell."""
    found, want = asked_of(records, asked, how), ref.funnel(records, asked, how)
    groups = {key for (key, _, column), units in want.units.items() if units and column == "count"}
    assert {row.group for row in found.rows} >= groups | ({None} if asked.by is None else set())
    nothing: set[Any] = set()
    for number, row in enumerate(found.rows):
        n = number % len(how.steps) + 1
        cells = {
            column: want.units.get((row.group, n, column), nothing)
            for column in ("count", "of_previous", "of_first", "of_all")
        }
        assert row.count == len(cells["count"]), (row.group, row.stage)
        assert row.of_first.numerator == len(cells["of_first"])
        assert row.of_first.denominator == len(want.units.get((row.group, 1, "count"), nothing))
        assert row.of_all.numerator == len(cells["of_all"])
        assert row.of_all.denominator == len(want.units.get((row.group, 0, "of_all"), nothing))
        if row.of_previous:
            before = want.units.get((row.group, n - 1, "count"), nothing)
            assert (row.of_previous.numerator, row.of_previous.denominator) == (
                len(cells["of_previous"]),
                len(before),
            )
        for code in ("EUR", "USD"):
            total = want.sums.get((row.group, n, code), 0)
            assert row.sums.get(code, Money(0, code)).minor == total
            share = row.of_previous_value.get(code)
            if share and n > 1:
                assert share.entered.minor == want.sums.get((row.group, n - 1, code), 0)
                assert share.passed.minor == want.passed.get((row.group, n, code), 0)
        for column, units in cells.items():
            if column != "of_previous" or row.of_previous:
                assert found.ids(row.stage, column, group=row.group) == sorted({unit[0] for unit in units})


@pytest.mark.parametrize("definition", STEPPED)
@few
@given(data=st.data(), records=histories(), asked=questions())
def test_a_funnel_of_steps_is_what_brute_force_counts(
    definition: str, data: st.DataObject, records: list[Record], asked: Asked
) -> None:
    """Counts, the three rates, sums, shares of value and ids equal those of the reference."""
    check(records, asked, data.draw(ways(definition)))


@few
@given(
    histories(),
    questions(),
    st.sampled_from(["each", "first", "last", "all", "2"]),
    st.sampled_from([(-1e9, 1e9), (2, 8)]),
)
def test_the_funnel_of_all_previous_stages_is_what_brute_force_counts(
    records: list[Record], asked: Asked, attribution: str, entered: tuple[float, float]
) -> None:
    """A stage counts once the set of all stages up to it is whole."""
    check(records, asked, How("all_previous", PLACES, entered=entered, attribution=attribution))
