"""Leads and their deals, against counting them one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.cohorts.reference_leads import lead_metrics
from tests.analytics.histories import PIPELINES, Record, analytics, histories, hour

from funnelkit.errors import InputError

few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@few
@given(histories(), st.sampled_from([None, "owner", "source"]), st.sampled_from([10_000, 8, 15]))
def test_leads_with_deals_are_what_counting_one_by_one_gives(
    records: list[Record], by: Any, as_of: float
) -> None:
    """Here records in sales are leads, and each has as deals those of care whose number is next."""
    deals = {f"deal_{n}": f"deal_{n // 2}" for n in range(1, 6)}
    asked = ref.Asked(as_of=as_of, by=by)
    found = lead_metrics(records, deals, PIPELINES, of="sales").lead_conversion(as_of=hour(as_of), by=by)
    last = {}
    for record in records:
        steps = [e for e in record.events if hasattr(e, "place") and e.t <= as_of]
        last[record.id] = steps[-1].place if steps else ""  # type: ignore[union-attr]
    fates: dict[tuple[Any, str], set[str]] = {}
    for (key, status), lives in ref.standings(records, asked).items():
        for life in lives:
            name = life.record.id
            own = {
                r.id
                for r in records
                if deals.get(r.id) == name and r.created <= as_of and last[r.id] != "void"
            }
            fate = "void" if status == "void" else "converted" if own else "waiting"
            fate = "spoiled" if fate == "waiting" and status == "lost" else fate
            fates.setdefault((key, fate), set()).add(name)
            if fate != "void" and any(last[deal] == "won" for deal in own):
                fates.setdefault((key, "won"), set()).add(name)
    assert {row.group for row in found.rows} >= {key for key, _ in fates}
    for row in found.rows:
        cells = {
            fate: fates.get((row.group, fate), set()) for fate in ("converted", "spoiled", "waiting", "won")
        }
        assert (row.converted.numerator, row.spoiled.numerator, row.waiting, row.won.numerator) == tuple(
            map(len, cells.values())
        )
        assert row.leads == sum(len(cells[fate]) for fate in ("converted", "spoiled", "waiting"))
        for fate, ids in cells.items():
            assert found.ids(fate, group=row.group) == sorted(ids)


def test_a_pipeline_of_deals_has_no_leads() -> None:
    """It is refused, not counted as if it had none."""
    with pytest.raises(InputError):
        analytics([]).lead_conversion("sales")
