"""The published lead score, to its printed digits."""

from __future__ import annotations

import attrs
import pytest

from funnelkit.analytics.scores.odoo import Frequencies, ScoredLead

STAGES = ("S0", "S1", "S2", "W")
TABLE = """
0 T1 0 0 0 S0 lost
1 T1 1 1 1 S1 lost
2 T1 2 2 2 S2 won
3 T1 0 1 2 S1 open
4 T1 1 1 1 S0 open
5 T2 0 1 1 S2 lost
6 T2 0 1 2 S1 lost
7 T2 0 2 2 S0 won
8 T2 0 1 2 S1 open
9 T2 1 0 1 S1 open
10 T3 1 1 1 S2 won
11 T3 0 1 0 S0 lost
12 T3 1 2 2 S0 lost
13 T3 0 1 2 S1 open
"""


def leads() -> dict[int, ScoredLead]:
    """The fourteen leads of the published test; e-mail and phone are of unknown quality, which is a value."""
    found = {}
    for line in TABLE.split("\n"):
        if line:
            number, team, country, region, source, stage, outcome = line.split()
            values = {"country": f"C{country}", "region": f"R{region}", "source": f"U{source}"}
            found[int(number)] = ScoredLead(
                stage=stage,
                outcome="" if outcome == "open" else outcome,
                team=team,
                values=values | {"email": "unset", "phone": "unset"},
            )
    return found


def rebuilt(changed: dict[int, ScoredLead] | None = None, **how: object) -> Frequencies:
    """The tables, counted anew."""
    return Frequencies.of((leads() | (changed or {})).values(), STAGES, **how)  # type: ignore[arg-type]


def test_a_rebuild() -> None:
    """Leads 3, 8 and 13 have 33.49, 7.74 and 35.09 %."""
    tables, found = rebuilt(), leads()
    assert [tables.percent(found[n]) for n in (3, 8, 13)] == [33.49, 7.74, 35.09]


def test_leads_of_nobody_use_the_pool() -> None:
    """When the third team is gone, lead 13 is scored by all teams: 35.19 %."""
    found = leads()
    orphans = {n: attrs.evolve(found[n], team="") for n in (10, 11, 12, 13)}
    assert rebuilt(orphans).percent(orphans[13]) == 35.19


def test_the_rows_of_a_team() -> None:
    """The first team's counts: S0 1.1 and 2.1, W 1.1 and 0.1, C1 0.1 and 1.1; the second has no C1."""
    tables = rebuilt().tables
    assert tables["T1"]["stage", "S0"] == pytest.approx((1.1, 2.1))
    assert tables["T1"]["stage", "W"] == pytest.approx((1.1, 0.1))
    assert tables["T1"]["country", "C1"] == pytest.approx((0.1, 1.1))
    assert tables["T1"]["email", "unset"] == pytest.approx((1.1, 2.1))
    assert tables["T2"]["stage", "S0"] == pytest.approx((1.1, 2.1))
    assert ("country", "C1") not in tables["T2"]


def live() -> tuple[Frequencies, dict[int, ScoredLead]]:
    """Lead 4 is lost and lead 9 won, without a rebuild."""
    found = leads()
    found[4], found[9] = attrs.evolve(found[4], outcome="lost"), attrs.evolve(found[9], outcome="won")
    return rebuilt().after(found[4]).after(found[9]), found


def test_a_win_and_a_loss_change_the_counts_at_once() -> None:
    """S0 of the first team has 1.1 and 3.1, of the second 2.1 and 2.1; C1 of the second 1.1 and 0.1."""
    tables, _ = live()
    assert tables.tables["T1"]["stage", "S0"] == pytest.approx((1.1, 3.1))
    assert tables.tables["T1"]["country", "C1"] == pytest.approx((0.1, 2.1))
    assert tables.tables["T2"]["stage", "S0"] == pytest.approx((2.1, 2.1))
    assert tables.tables["T2"]["country", "C1"] == pytest.approx((1.1, 0.1))


def test_what_is_taken_back_leaves_no_trace() -> None:
    """A lead that is lost and restored, won and restored, leaves the counts of the rebuild."""
    before, lead = rebuilt(), leads()[4]
    after = before
    for outcome in ("lost", "won"):
        closed = attrs.evolve(lead, outcome=outcome)
        after = after.after(closed).after(closed, by=-1)
    for pair, counts in before.tables["T1"].items():
        assert after.tables["T1"][pair] == pytest.approx(counts)


def restored() -> tuple[Frequencies, dict[int, ScoredLead]]:
    """The same, with lead 4 open again."""
    tables, found = live()
    tables, found[4] = tables.after(found[4], by=-1), leads()[4]
    return tables, found


def test_leads_that_move_are_scored_anew() -> None:
    """On S0 leads 3 and 8 have 20.87 and 2.43 %; with country C1 lead 8 has 34.38 %."""
    tables, found = restored()
    three, eight = (attrs.evolve(found[n], stage="S0") for n in (3, 8))
    assert (tables.percent(three), tables.percent(eight)) == (20.87, 2.43)
    moved = attrs.evolve(eight, values={**eight.values, "country": "C1"})
    assert tables.percent(moved) == 34.38


def tagged() -> dict[int, ScoredLead]:
    """150 leads of a new team at S0 with tags a, b or both."""
    found = {}
    for n in range(150):
        tags = ("a",) if n < 50 else ("b",) if n < 100 else ("a", "b")
        lost = n < 30 or 50 <= n < 90 or 100 <= n < 135
        won = 31 <= n < 50 or 91 <= n < 100 or n >= 136
        found[n] = ScoredLead(
            stage="S0",
            team="T4",
            tags=tags,
            outcome="lost" if lost else "won" if won else "",
            values={"email": "unset", "phone": "unset"},
        )
    return found


def test_tags_count_each_by_itself() -> None:
    """Rows a 33.1 and 65.1, b 23.1 and 75.1; leads with a, b, both, none: 33.69, 23.51, 28.05, 28.6 %."""
    found = tagged()
    tables = Frequencies.of([*leads().values(), *found.values()], STAGES)
    assert tables.tables["T4"]["tag", "a"] == pytest.approx((33.1, 65.1))
    assert tables.tables["T4"]["tag", "b"] == pytest.approx((23.1, 75.1))
    assert [tables.percent(found[n]) for n in (30, 90, 135)] == [33.69, 23.51, 28.05]
    assert tables.percent(attrs.evolve(found[30], tags=())) == 28.6


def test_rare_tags_say_nothing() -> None:
    """A tag of fewer than 50 closed leads is not looked at."""
    few = [ScoredLead(stage="S0", outcome=end, tags=("x",)) for end in ("won", "lost") * 20]
    tables = Frequencies.of(few, STAGES)
    assert tables.percent(ScoredLead(stage="S0", tags=("x",))) == tables.percent(ScoredLead(stage="S0"))


def test_the_quality_of_addresses() -> None:
    """With e-mail by turns correct and incorrect leads 3 and 8 have 4.21 and 0.23 %."""
    _, found = restored()
    for n in (3, 8):
        found[n] = attrs.evolve(found[n], stage="S0")
    mails = {
        n: attrs.evolve(lead, values={**lead.values, "email": "correct" if n % 2 == 0 else "incorrect"})
        for n, lead in found.items()
    }
    tables = Frequencies.of([*mails.values(), *tagged().values()], STAGES)
    assert (tables.percent(mails[3]), tables.percent(mails[8])) == (4.21, 0.23)


def test_the_stage_alone() -> None:
    """Without any other variable leads 3 and 8 have 34.38 and 50 %."""
    _, found = restored()
    found[3], found[8] = (attrs.evolve(found[n], stage="S0") for n in (3, 8))
    tables = Frequencies.of(found.values(), STAGES, variables=())
    assert (tables.percent(found[3]), tables.percent(found[8])) == (34.38, 50.0)


@pytest.mark.parametrize(("counts", "percent"), [((10_000_000.0, 1.0), 99.99), ((1.0, 10_000_000.0), 0.01)])
def test_a_score_is_never_certain(counts: tuple[float, float], percent: float) -> None:
    """However one-sided a row is, the score stays between 0.01 and 99.99."""
    table = {("stage", "S0"): counts, ("stage", "S1"): counts}
    assert Frequencies(STAGES, {None: table}).percent(ScoredLead(stage="S1")) == percent


def test_without_any_past_there_is_no_score() -> None:
    """Its known habit: 0 where nothing was won or lost."""
    assert Frequencies.of([], STAGES).percent(ScoredLead(stage="S0")) == 0
