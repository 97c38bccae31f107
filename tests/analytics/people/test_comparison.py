"""People compared: a case that turns a ranking around, exact limits, and simulated offices."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import Place, Record, analytics, histories
from tests.analytics.reference import Asked

from funnelkit.analytics.people.comparison import standardised
from funnelkit.analytics.people.limits import binomial_limits, overdispersion
from funnelkit.errors import InputError

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def closed_deals(strata: dict[str, dict[str, tuple[int, int]]]) -> list[Record]:
    """Deals that were won and lost as given: person → source → (won, closed)."""
    return [
        Record(
            id=f"{person}-{source}-{n}",
            created=0,
            owner=person,
            value=("EUR", 100),
            source=source,
            campaign="",
            custom={},
            events=(Place(0, "sales", "new"), Place(1, "sales", "won" if n < won else "lost")),
        )
        for person, mix in strata.items()
        for source, (won, closed) in mix.items()
        for n in range(closed)
    ]


SIMPSON = {"A": {"easy": (9, 10), "hard": (30, 90)}, "B": {"easy": (72, 90), "hard": (2, 10)}}


def test_a_mix_turns_a_ranking_around() -> None:
    """Who wins more of each sort, and less of all: O/E 1.057 to 0.972, directly 0.617 to 0.5."""
    compared = analytics(closed_deals(SIMPSON)).compare_people("sales", mix="source")
    assert [row.rate.value for row in compared.rows] == [0.39, 0.74]
    assert [row.ratio for row in compared.rows] == pytest.approx([1.056911, 0.972405], abs=1e-6)
    assert [row.direct for row in compared.rows] == pytest.approx([0.616667, 0.5], abs=1e-6)
    assert len(compared.ids("won", group="A")) == 39


def test_without_a_mix_the_rates_are_compared_as_they_are() -> None:
    """With nothing to adjust for, a ratio is a rate beside everybody's."""
    compared = analytics(closed_deals(SIMPSON)).compare_people("sales")
    assert [row.ratio for row in compared.rows] == pytest.approx([0.39 / 0.565, 0.74 / 0.565])
    assert [row.direct for row in compared.rows] == pytest.approx([0.39, 0.74])


def test_a_part_of_the_mix_that_somebody_never_had_leaves_the_direct_rate_open() -> None:
    """Nothing is made up for it; the ratio can still be had."""
    rows, _, _ = standardised({"A": {"easy": (5, 10)}, "B": {"easy": (5, 10), "hard": (2, 10)}})
    assert (rows[0].direct, rows[0].reason) == (None, "closed nothing of 1 of 2 parts of the mix")
    assert rows[0].ratio == pytest.approx(1.0)


@few
@given(records=histories())
def test_expected_wins_add_up_to_the_wins(records: list[Record]) -> None:
    """Whatever the mix, all expected wins are all wins, and everybody's closings are counted once."""
    compared = analytics(records).compare_people("sales", mix="source")
    assert math.fsum(row.expected for row in compared.rows) == pytest.approx(
        sum(r.won for r in compared.rows)
    )
    closings = {life.record.id for life in ref.lives(records, Asked()) if ref.status(life, Asked()) in ENDS}
    assert sum(row.closed for row in compared.rows) == len(closings)


ENDS = ("won", "lost")


@given(st.integers(1, 400), st.floats(0.02, 0.98), st.sampled_from([0.95, 0.998]))
def test_limits_are_the_interpolated_binomial_quantiles(n: int, target: float, level: float) -> None:
    """Against another library's quantile: r less the part of its chance that goes beyond the level."""
    binom = pytest.importorskip("scipy.stats", reason="scipy is not installed").binom
    wanted = []
    for share in ((1 - level) / 2, 1 - (1 - level) / 2):
        r = binom.ppf(share, n, target)
        over = (binom.cdf(r, n, target) - share) / (binom.cdf(r, n, target) - binom.cdf(r - 1, n, target))
        wanted.append((r - over) / n)
    limits = binomial_limits(n, target, level)
    assert limits == pytest.approx((max(0, wanted[0]), min(1, wanted[1])), abs=1e-6)


def test_an_alert_is_no_alarm() -> None:
    """12 of 30 at a target of 0.2 is 2.74 standard errors off: outside of 95 %, inside of 99.8 %."""
    z = (12 / 30 - 0.2) / math.sqrt(0.2 * 0.8 / 30)
    assert z == pytest.approx(2.738613, abs=1e-6)
    others: dict[str, dict[str, tuple[int, int]]] = {f"p{n}": {"": (200, 1000)} for n in range(30)}
    rows, _, _ = standardised({"odd": {"": (12, 30)}, **others})
    assert rows[0].z == pytest.approx(z, abs=0.01)
    assert rows[0].place == "above 95 %"


def simulated(seed: int, spread: float) -> dict[str, dict[str, tuple[int, int]]]:
    """Forty people in one office: everybody's chance is 0.3, give or take ``spread`` of it."""
    draw = random.Random(seed)
    office: dict[str, dict[str, tuple[int, int]]] = {}
    for n in range(40):
        closed, chance = draw.randint(40, 300), 0.3 * max(0.1, draw.gauss(1, spread))
        office[f"p{n}"] = {"": (sum(draw.random() < chance for _ in range(closed)), closed)}
    return office


def places(spread: float) -> list[Any]:
    """Return where people of fifty offices lie."""
    return [row.place for seed in range(50) for row in standardised(simulated(seed, spread))[0]]


def test_of_people_who_are_alike_two_in_a_thousand_are_outside() -> None:
    """2,000 people of one chance: about 5 % outside of 95 %, and about 0.2 % outside of 99.8 %."""
    found = places(0.0)
    outside = sum(place != "within" for place in found)
    alarms = sum("99.8" in place for place in found)
    assert 60 <= outside <= 140
    assert alarms <= 12


def test_people_who_differ_anyway_are_not_all_called_exceptional() -> None:
    """Where everybody differs by a quarter, most would be outside; knowing that, few are."""
    assert sum(place != "within" for place in places(0.25)) <= 0.12 * 2000
    phi, tau_squared = standardised(simulated(1, 0.25))[1:]
    assert phi > 1.5
    assert tau_squared > 0


def test_overdispersion_by_hand() -> None:
    """Units at 1.2 and 0.8 with errors of 0.1: z is 2 each, so phi 4; tau squared (8 - 1) / (200 - 100)."""
    phi, tau_squared = overdispersion([(1.2, 0.1), (0.8, 0.1)])
    assert phi == pytest.approx(4)
    assert tau_squared == pytest.approx(0.07)


@pytest.mark.parametrize("wrong", [{"mix": "owner"}, {"mix": "month"}, {"by": "source"}, {"mix": "sorce"}])
def test_what_makes_no_mix_is_refused(wrong: dict[str, str]) -> None:
    """Owner and periods are no mix, rows are people, and a slip is mended."""
    with pytest.raises(InputError):
        analytics([]).compare_people("sales", **wrong)  # type: ignore[arg-type]
