"""pm4py, where it is installed, finds the graph and the variants that we find. Nothing of ours imports it."""

from __future__ import annotations

import pytest
from tests.analytics.flow.test_paths import EVERY, many_walks
from tests.analytics.histories import Place, analytics


def test_pm4py_finds_the_same_directly_follows_graph() -> None:
    """Its graph over bare events is the matrix, and its variants are ours."""
    pm4py = pytest.importorskip("pm4py")
    pandas = pytest.importorskip("pandas")
    records = [
        record
        for record in many_walks()
        if all(isinstance(e, Place) and e.pipeline == "sales" and e.place != "void" for e in record.events)
    ]
    rows = [
        {"case:concept:name": record.id, "concept:name": event.place, "time:timestamp": n}
        for record in records
        for n, event in enumerate(record.events)
        if isinstance(event, Place)
    ]
    frame = pandas.DataFrame(rows)
    frame["time:timestamp"] = pandas.to_datetime(frame["time:timestamp"], unit="h", utc=True)
    graph, _, _ = pm4py.discover_dfg(frame)
    metrics = analytics(records)
    matrix = {(r.source, r.target): r.count for r in metrics.transitions("sales").rows if r.source}
    assert dict(graph) == matrix
    variants = {row.places: row.count for row in metrics.variants("sales", top=EVERY).rows}
    assert {tuple(path): n for path, n in pm4py.get_variants(frame).items()} == variants
