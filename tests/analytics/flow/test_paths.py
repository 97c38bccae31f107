"""Whole paths, and the links of a sankey picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics.flow import reference_flow as ref
from tests.analytics.histories import OUTCOMES, PIPELINES, Place, Record, analytics, histories
from tests.analytics.test_against_reference import questions, said
from tests.analytics.test_eight_deals import PATHS, record, sales

from funnelkit.analytics import Rate
from funnelkit.errors import InputError

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
EVERY = 10_000


@few
@given(histories(), questions(), st.sampled_from([1, 2, EVERY]))
def test_variants_are_what_brute_force_counts(records: list[Record], asked: ref.Asked, top: int) -> None:
    """Paths, their numbers, shares and ids equal those of the reference; what is hidden is counted."""
    found = analytics(records).variants(asked.pipeline, top=top, **said(asked))
    want: dict[Any, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    going = set()
    for key, life, path in ref.walks(records, asked):
        want[key][" > ".join(path[1:])].append(life.record.id)
        going |= {life.record.id} if ref.status(life, asked) == "open" else set()
    kept = Counter(row.group for row in found.rows)
    assert kept == {key: min(top, len(variants)) for key, variants in want.items()}
    for row in found.rows:
        names = want[row.group][row.path]
        assert (row.count, row.open) == (len(names), len(going & set(names)))
        assert row.share == Rate.of(len(names), sum(map(len, want[row.group].values())))
        assert found.ids(row.path, group=row.group) == sorted(names)
    for key, variants in want.items():
        counts = sorted(map(len, variants.values()), reverse=True)[:top]
        assert [row.count for row in found.rows if row.group == key] == counts
    everybody = sum(len(names) for variants in want.values() for names in variants.values())
    assert found.about.quality["records on other paths"] == everybody - sum(r.count for r in found.rows)
    assert found.about.quality["other paths, not shown"] == sum(map(len, want.values())) - len(found.rows)


@few
@given(histories(), questions(), st.sampled_from([None, 1, 3, 20]))
def test_links_are_what_brute_force_counts(
    records: list[Record], asked: ref.Asked, steps: int | None
) -> None:
    """Links and ids equal those of the reference, and what comes into a place goes out or ends there."""
    found = analytics(records).sankey(asked.pipeline, steps=steps, **said(asked))
    want = ref.links(records, asked, steps)
    assert {(row.group, row.step, row.source, row.target) for row in found.rows} == set(want)
    for row in found.rows:
        moves = want[row.group, row.step, row.source, row.target]
        assert row.count == len(moves)
        cell = (row.source, row.target, *([str(row.step)] if steps else []))
        assert found.ids(*cell, group=row.group) == sorted(set(moves))
    outer = {"(start)", "(elsewhere)"}
    ends = {*OUTCOMES, "(open)", "(later)"}
    for node in found.nodes:
        if node.name not in outer:
            assert node.incoming == node.outgoing + node.ended
            assert node.ended == 0 or node.name in ends


@few
@given(histories())
def test_the_pairs_of_all_paths_and_the_links_are_the_matrix(records: list[Record]) -> None:
    """Three ways to count who directly followed whom give one answer inside the pipeline."""
    metrics = analytics(records)
    matrix = {
        (row.source, row.target): row.count
        for row in metrics.transitions("sales").rows
        if row.source and "/" not in row.source + row.target
    }
    pairs: Counter[tuple[str, str]] = Counter()
    for row in metrics.variants("sales", top=EVERY).rows:
        pairs.update({pair: row.count * n for pair, n in Counter(pairwise(row.places)).items()})
    inner = {pair: n for pair, n in pairs.items() if "(elsewhere)" not in pair}
    links = {
        (row.source, row.target): row.count
        for row in metrics.sankey("sales").rows
        if not {"(start)", "(elsewhere)", "(open)"} & {row.source, row.target}
    }
    assert inner == matrix
    assert links == matrix


def test_eight_deals_took_eight_paths() -> None:
    """Each of the eight took its own, and the reopened one shows its loss."""
    metrics = sales(*(record(name, path) for name, path in PATHS.items()))
    found = metrics.variants(top=100)
    assert {row.path for row in found.rows} == {" > ".join(path.split()) for path in PATHS.values()}
    assert found.ids("n > q > p > lost > p > c > won") == ["d7"]


def test_paths_are_told_apart_by_forty_places() -> None:
    """Two that differ in place 41 are one variant with an ellipsis; two that differ in place 40 are two."""
    back_and_forth = ("n q " * 25).split()
    forty, more = back_and_forth[:40], back_and_forth[:43]
    metrics = sales(
        record("a", " ".join(forty)),
        record("b", " ".join([*forty[:39], "c"])),
        record("c", " ".join(more)),
        record("d", " ".join([*forty, "c"])),
    )
    found = metrics.variants(top=9)
    ends = {row.path.rpartition(" > ")[2]: row for row in found.rows}
    assert {end: row.count for end, row in ends.items()} == {"q": 1, "c": 1, "…": 2}
    assert found.ids(ends["…"].path) == ["c", "d"]
    assert found.ids(ends["q"].path) == ["a"]


def test_sixty_stages_fit_into_the_numbers() -> None:
    """A walk through all of sixty stages and a win comes out as it went in, cut after forty."""
    stages = tuple(f"s{n}" for n in range(60))
    walk = [*stages[::-1], "won"]
    life = [Place(t, "long", place) for t, place in enumerate(walk)]
    metrics = analytics([Record("d", 0, "", ("", 0), "", "", {}, tuple(life))], {"long": stages})
    (row,) = metrics.variants().rows
    assert row.places == (*walk[:40], "…")


def test_a_path_that_is_none_is_refused() -> None:
    """A place that the pipeline does not have is named."""
    with pytest.raises(InputError, match="'x' is not here"):
        sales(record("d", "n")).variants().ids("n > x")


def test_duckdb_counts_the_same_pairs_over_bare_events() -> None:
    """A lag over the bare events in DuckDB gives the matrix."""
    duckdb = pytest.importorskip("duckdb")
    records = many_walks()
    matrix = {
        (row.source, row.target): row.count
        for row in analytics(records).transitions("sales").rows
        if row.source and "/" not in row.source + row.target
    }
    connection = duckdb.connect()
    connection.execute("CREATE TABLE bare (name TEXT, seq INT, pipeline TEXT, place TEXT)")
    bare = [
        (record.id, n, event.pipeline, event.place)
        for record in records
        if not (isinstance(record.events[-1], Place) and record.events[-1].place == "void")
        for n, event in enumerate(event for event in record.events if isinstance(event, Place))
    ]
    connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?)", bare)
    found = connection.execute(
        "SELECT before, place, COUNT(*) FROM (SELECT pipeline, place, LAG(place) OVER w AS before, "
        "LAG(pipeline) OVER w AS home FROM bare WINDOW w AS (PARTITION BY name ORDER BY seq)) "
        "WHERE before IS NOT NULL AND home = 'sales' AND pipeline = 'sales' GROUP BY ALL"
    ).fetchall()
    assert {(left, entered): n for left, entered, n in found} == matrix


def many_walks() -> list[Record]:
    """Return 300 random walks through two pipelines, with closings and reopenings."""
    dice, records = Random(7), []
    for n in range(300):
        pipeline, place, stage, events = "sales", "", "", []
        for t in range(dice.randint(1, 12)):
            roll = dice.random()
            if place in OUTCOMES:
                place = stage
            elif t and roll < 0.25:
                place = dice.choice(["won", "lost", "lost", "void" if n % 50 == 0 else "won"])
            else:
                pipeline = ("care" if pipeline == "sales" else "sales") if t and roll > 0.95 else pipeline
                place = stage = dice.choice([s for s in PIPELINES[pipeline] if s != stage])
            events.append(Place(t, pipeline, place))
        records.append(Record(f"d{n}", 0, "", ("", 0), "", "", {}, tuple(events)))
    return records


@pytest.mark.parametrize("wrong", ["x", 0, 1.5])
def test_numbers_of_paths_and_steps_are_whole_and_above_0(wrong: Any) -> None:
    """An InputError names the argument."""
    with pytest.raises(InputError, match="top: "):
        analytics([]).variants("sales", top=wrong)
    with pytest.raises(InputError, match="steps: "):
        analytics([]).sankey("sales", steps=wrong)
