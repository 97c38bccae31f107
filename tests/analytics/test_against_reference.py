"""Every metric against the slow reference, over random histories, filters and groups."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import PIPELINES, Record, analytics, histories, hour
from tests.analytics.reference import Asked

from funnelkit.analytics import Funnel, Rate

few = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    """Draw what is asked for."""
    start = draw(st.integers(0, 10))
    always = (-1e9, 1e9)
    period = st.sampled_from([always] * 4 + [(start, start + 8), (start, 1e9)])
    return Asked(
        pipeline=draw(st.sampled_from(["sales"] * 4 + ["care"])),
        as_of=draw(st.sampled_from([10_000, 10_000, *range(5, 25)])),
        created=draw(period),
        closed=draw(period),
        owner=draw(st.sampled_from([None] * 5 + ["ann", ""])),
        source=draw(st.sampled_from([None] * 5 + ["web"])),
        repeat=draw(st.sampled_from([None] * 5 + ["deal", "inquiry", ""])),
        custom=draw(st.sampled_from([None] * 5 + [("segment", "smb"), ("segment", None)])),
        by=draw(
            st.sampled_from([None, None, "owner", "owner", "source", "campaign", "repeat", "custom.segment"])
        ),
    )


def said(asked: Asked, *, closed: bool = False) -> dict[str, Any]:
    """Return the keyword arguments that ask the same."""

    def period(bounds: tuple[float, float]) -> Any:
        return tuple(None if abs(t) == 1e9 else hour(t) for t in bounds)

    return {
        "as_of": hour(asked.as_of),
        "created": period(asked.created),
        "owner": asked.owner,
        "source": asked.source,
        "repeat": asked.repeat,
        "custom": dict([asked.custom]) if asked.custom else None,
        "by": asked.by,
        **({"closed": period(asked.closed)} if closed else {}),
    }


def minor(sums: dict[str, Any]) -> dict[str, int]:
    """Return currency → minor units, without zeros."""
    return {code: money.minor for code, money in sums.items() if money.minor}


def check_funnel(found: Funnel, want: ref.Cells, places: tuple[str, ...], base: int) -> None:
    """Compare every cell of a funnel, count and ids."""
    nothing: set[str] = set()
    keys = {row.group for row in found.rows} | {key for (key, row, _), ids in want.ids.items() if ids and row}
    rows = {(row.group, row.stage): row for row in found.rows}
    for key in keys:
        for n, place in enumerate(places, 1):
            row = rows[key, place]
            cells = {column: want.ids.get((key, n, column), nothing) for column in COLUMNS}
            got = {"count": row.count, "of_first": row.of_first.numerator}
            got |= {name: getattr(row.fate, name) for name in COLUMNS[3:]}
            got["of_previous"] = row.of_previous.numerator if row.of_previous else 0
            if row.of_previous is None:
                cells["of_previous"] = nothing
            assert got == {name: len(ids) for name, ids in cells.items()}, (key, place)
            before = want.ids.get((key, n - 1, "count"), nothing)
            assert row.of_previous is None or row.of_previous.denominator == len(before)
            assert row.of_first.denominator == len(want.ids.get((key, base, "count"), nothing))
            if not base:  # all are those that closed
                assert (row.of_all.numerator, row.of_all.denominator) == (row.count, row.of_first.denominator)
                assert found.ids(place, "of_all", group=key) == found.ids(place, group=key)
            sums = {code: want.sums.get((key, n, code), 0) for code in ("EUR", "USD")}
            assert minor(row.sums) == {code: total for code, total in sums.items() if total}
            for name, ids in cells.items():
                if name != "of_previous" or row.of_previous is not None:
                    assert found.ids(place, name, group=key) == sorted(ids), (key, place, name)


COLUMNS = (
    "count", "of_previous", "of_first", "skipped", "lost", "void", "open", "went_back", "moved_away",
)  # fmt: skip


@pytest.mark.parametrize("definition", ["reached", "visited", "bitrix24", "closed"])
@few
@given(records=histories(), asked=questions())
def test_a_funnel_is_what_brute_force_counts(definition: str, records: list[Record], asked: Asked) -> None:
    """Counts, rates, sums, fates and ids of each definition equal those of the reference."""
    arguments = said(asked, closed=definition == "closed")
    found = analytics(records).funnel(asked.pipeline, definition=definition, **arguments)  # type: ignore[arg-type]
    check_funnel(
        found,
        ref.funnel(records, asked, definition),
        (*PIPELINES[asked.pipeline], "won"),
        0 if definition == "closed" else 1,
    )


@few
@given(histories(), st.integers(0, 30) | st.just(10_000), st.sampled_from(["sales", "care"]))
def test_the_short_way_of_the_plain_funnel_counts_the_same(
    records: list[Record], as_of: int, name: str
) -> None:
    """The unfiltered reached funnel, read off one index, equals the reference."""
    found = analytics(records).funnel(name, as_of=hour(as_of))
    asked = Asked(pipeline=name, as_of=as_of)
    check_funnel(found, ref.funnel(records, asked, "reached"), (*PIPELINES[name], "won"), 1)


@few
@given(
    histories(),
    questions(),
    st.lists(st.sampled_from(["new", "call", "offer", "won"]), min_size=1, max_size=4),
    st.sampled_from([None, 1, 3, 8]),
    st.sampled_from(["any", "first"]),
)
def test_an_ordered_funnel_is_what_brute_force_counts(
    records: list[Record], asked: Asked, steps: list[str], window: int | None, anchor: Any
) -> None:
    """The counts, sums and ids of every step equal those of trying every chain of entries."""
    asked = asked._replace(pipeline="sales")
    found = analytics(records).funnel(
        "sales",
        definition="ordered",
        steps=steps,
        window=timedelta(hours=window) if window else None,
        anchor=anchor,
        **said(asked),
    )
    want = ref.funnel(records, asked, "ordered", steps=tuple(steps), window=window or 1e9, anchor=anchor)
    groups = {row.group for row in found.rows}
    for n, row in enumerate(found.rows):
        step = n % len(steps) + 1
        cell = want.ids.get((row.group, step, "count"), set())
        assert row.count == len(cell)
        assert found.ids(row.stage, group=row.group) == sorted(cell)
        assert row.of_first.numerator == len(want.ids.get((row.group, step, "of_first"), ()))
        if row.of_previous:
            assert row.of_previous.numerator == len(want.ids.get((row.group, step, "of_previous"), ()))
        sums = {code: want.sums.get((row.group, step, code), 0) for code in ("EUR", "USD")}
        assert minor(row.sums) == {code: total for code, total in sums.items() if total}
    assert groups >= {key for (key, _, column), ids in want.ids.items() if ids and column == "count"}


@few
@given(histories(), questions())
def test_transitions_are_what_brute_force_counts(records: list[Record], asked: Asked) -> None:
    """Moves, distinct records, shares and ids of every pair equal those of the reference."""
    found = analytics(records).transitions(asked.pipeline, **said(asked))
    want = ref.transitions(records, asked)
    assert {(row.group, row.source, row.target) for row in found.rows} == set(want)
    for row in found.rows:
        moves = want[row.group, row.source, row.target]
        out = sum(len(m) for (key, left, _), m in want.items() if (key, left) == (row.group, row.source))
        assert (row.count, row.records) == (len(moves), len(set(moves)))
        assert row.share == Rate.of(len(moves), out)
        assert found.ids(row.source, row.target, group=row.group) == sorted(set(moves))


@few
@given(histories(), questions())
def test_times_in_stage_are_what_brute_force_measures(records: list[Record], asked: Asked) -> None:
    """Closed quantiles, totals, Kaplan-Meier quantiles and ids equal those of the reference."""
    found = analytics(records).time_in_stage(asked.pipeline, **said(asked))
    want = ref.stays(records, asked)

    def hours(value: float | None) -> timedelta | None:
        return None if value is None else timedelta(hours=value)

    for row in found.rows:
        stays = {which: want.get((row.group, row.stage, which), []) for which in ("closed", "open")}
        ended, going = ([t for t, _ in stays[which]] for which in ("closed", "open"))
        assert (row.closed, row.open) == (len(ended), len(going))
        assert row.total_days == pytest.approx(sum(ended) / 24)
        assert [row.p10, row.p25, row.p50, row.p75, row.p90] == [
            hours(ref.nearest_rank(ended, q)) for q in (10, 25, 50, 75, 90)
        ]
        assert [row.km_p25, row.km_p50, row.km_p75] == [
            hours(ref.kaplan_meier(ended, going, q)) for q in (25, 50, 75)
        ]
        assert (row.reason == "") == (row.km_p50 is not None)
        for which, lasted in stays.items():
            assert found.ids(row.stage, which, group=row.group) == sorted({name for _, name in lasted})
    assert {(row.group, row.stage) for row in found.rows} >= {(key, stage) for key, stage, _ in want}


def total(lives: list[ref.Life]) -> dict[str, int]:
    """Return currency → minor units at the closing, without zeros."""
    sums: dict[str, int] = {}
    for life in lives:
        currency, amount = life.steps[-1].value
        sums[currency] = sums.get(currency, 0) + amount
    return {code: amount for code, amount in sums.items() if amount and code}


def names(lives: list[ref.Life]) -> list[str]:
    """Return the ids, sorted."""
    return sorted(life.record.id for life in lives)


@few
@given(histories(), questions())
def test_win_rates_by_closing_are_what_brute_force_counts(records: list[Record], asked: Asked) -> None:
    """Won, lost, their sums and their ids equal those of the reference."""
    found = analytics(records).win_rate(asked.pipeline, **said(asked, closed=True))
    want = ref.endings(records, asked)
    assert {row.group for row in found.rows} >= {key for key, _ in want}
    for row in found.rows:
        won, lost = (want.get((row.group, which), []) for which in ("won", "lost"))
        assert row.rate == Rate.of(len(won), len(won) + len(lost), row.rate.reason)
        assert (minor(row.won_sums), minor(row.lost_sums)) == (total(won), total(lost))
        assert found.ids("won", group=row.group) == names(won)
        assert found.ids("lost", group=row.group) == names(lost)


@few
@given(histories(), questions())
def test_win_rates_by_creation_are_what_brute_force_counts(records: list[Record], asked: Asked) -> None:
    """Every status of a cohort and its ids equal those of the reference."""
    found = analytics(records).cohort_win_rate(asked.pipeline, **said(asked))
    want = ref.standings(records, asked)
    assert {row.group for row in found.rows} >= {key for key, _ in want}
    for row in found.rows:
        cells = {w: want.get((row.group, w), []) for w in ("won", "lost", "open", "moved_away", "void")}
        assert row.created == sum(len(cells[w]) for w in ("won", "lost", "open", "moved_away"))
        assert (row.so_far.numerator, row.rate.denominator) == (
            len(cells["won"]),
            len(cells["won"]) + len(cells["lost"]),
        )
        assert row.complete == (not cells["open"])
        for which, lives in cells.items():
            assert found.ids(which, group=row.group) == names(lives)


@few
@given(histories(), questions())
def test_loss_reasons_are_what_brute_force_counts(records: list[Record], asked: Asked) -> None:
    """Reasons by stage, their shares, sums and ids equal those of the reference."""
    found = analytics(records).loss_reasons(asked.pipeline, **said(asked, closed=True))
    want: dict[tuple[Any, str, str], list[ref.Life]] = {}
    for (key, outcome), lives in ref.endings(records, asked).items():
        for life in lives if outcome == "lost" else ():
            want.setdefault((key, ref.last_stage(life, asked), life.steps[-1].reason), []).append(life)
    assert {(row.group, row.stage, row.reason) for row in found.rows} == set(want)
    for row in found.rows:
        lives = want[row.group, row.stage, row.reason]
        on_stage = sum(len(v) for k, v in want.items() if k[:2] == (row.group, row.stage))
        everywhere = sum(len(v) for k, v in want.items() if k[0] == row.group)
        assert (row.share, row.of_all) == (Rate.of(len(lives), on_stage), Rate.of(len(lives), everywhere))
        assert (row.text, minor(row.sums)) == (row.reason.upper(), total(lives))
        assert found.ids(row.stage, row.reason, group=row.group) == names(lives)


@few
@given(histories(), questions())
def test_days_to_win_are_what_brute_force_measures(records: list[Record], asked: Asked) -> None:
    """Times, and wins dated before the creation, equal those of the reference."""
    found = analytics(records).days_to_win(asked.pipeline, **said(asked, closed=True))
    want = ref.endings(records, asked)
    early = 0
    for row in found.rows:
        won = want.get((row.group, "won"), [])
        lasted = {life.record.id: life.steps[-1].t - life.record.created for life in won}
        good = [t for t in lasted.values() if t >= 0]
        early += len(lasted) - len(good)
        assert (row.won, row.timed) == (len(won), len(good))
        median = ref.nearest_rank(good, 50)
        assert row.p50 == (None if median is None else timedelta(hours=median))
        assert found.ids("negative", group=row.group) == sorted(r for r, t in lasted.items() if t < 0)
    assert sum(found.about.quality.values()) == early
    assert {row.group for row in found.rows} >= {key for key, outcome in want if outcome == "won"}


@few
@given(histories(), questions())
def test_people_are_what_brute_force_counts(records: list[Record], asked: Asked) -> None:
    """What each owner closed equals the reference, grouped by the owner at the closing."""
    asked = asked._replace(by="owner")
    found = analytics(records).people(asked.pipeline, **said(asked, closed=True))
    want = ref.endings(records, asked)
    assert [row.group for row in found.rows] == sorted({key for key, _ in want})
    for row in found.rows:
        won, lost = (want.get((row.group, which), []) for which in ("won", "lost"))
        assert (row.closed, row.won, row.lost) == (len(won) + len(lost), len(won), len(lost))
        good = [t for life in won if (t := life.steps[-1].t - life.record.created) >= 0]
        median = ref.nearest_rank(good, 50)
        assert row.median_to_win == (None if median is None else timedelta(hours=median))
        assert minor(row.won_sums) == total(won)


@few
@given(histories(), questions())
def test_the_potential_is_what_brute_force_adds_up(records: list[Record], asked: Asked) -> None:
    """Open records, their sums and their weighted sums equal those of the reference."""
    found = analytics(records).potential(asked.pipeline, **said(asked))
    want: dict[tuple[Any, str], list[ref.Life]] = {}
    for (key, where), lives in ref.standings(records, asked).items():
        for life in lives if where == "open" else ():
            want.setdefault((key, ref.last_stage(life, asked)), []).append(life)
    for row in found.rows:
        lives = want.get((row.group, row.stage), [])
        sums: dict[str, int] = {}
        for life in lives:
            sums[life.value[0]] = sums.get(life.value[0], 0) + life.value[1]
        likely = Decimal("0.25") if row.stage == PIPELINES[asked.pipeline][0] else Decimal(0)
        hoped = {c: int((m * likely).to_integral_value(ROUND_HALF_EVEN)) for c, m in sums.items() if c}
        assert (row.count, row.unpriced) == (len(lives), sum(not life.value[0] for life in lives))
        assert minor(row.sums) == {code: m for code, m in sums.items() if m and code}
        assert minor(row.weighted) == {code: m for code, m in hoped.items() if m}
        assert found.ids(row.stage, group=row.group) == names(lives)
    assert {(row.group, row.stage) for row in found.rows} >= set(want)
