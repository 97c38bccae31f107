"""People and teams: what they closed, what it was worth, and what they had from others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import reference as ref
from tests.analytics.histories import Edit, Place, Record, analytics, histories
from tests.analytics.reference import Asked

from funnelkit.analytics.times import ages
from funnelkit.errors import InputError

few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def deal(name: str, owner: str, value: int, *events: Any) -> Record:
    """A deal of somebody that is new at hour 0."""
    return Record(name, 0, owner, ("EUR", value), "", "", {}, (Place(0, "sales", "new"), *events))


OFFICE = [
    deal("d1", "ann", 100, Place(24, "sales", "won")),
    deal("d2", "ann", 201, Edit(1, "owner", "bob"), Place(48, "sales", "won")),
    deal("d3", "bob", 0, Place(2, "sales", "lost")),
    deal("d4", "eve", 50, Edit(1, "owner", "bob"), Place(72, "sales", "won")),
]


def test_a_person_has_an_average_deal_and_what_came_from_others() -> None:
    """Bob won 201 and 50 cents, 125.5 on average and so 126 (125 is odd); two of his three were others'."""
    ann, bob = analytics(OFFICE).people("sales").rows
    assert (str(bob.average["EUR"]), bob.taken_over.numerator, bob.taken_over.denominator) == (
        "1.26 EUR",
        2,
        3,
    )
    assert (ann.group, ann.handed_on, bob.handed_on) == ("ann", 1, 0)


def test_a_team_is_one_row_and_hand_overs_inside_are_none() -> None:
    """Ann and Bob together closed four; only what Eve began came from outside."""
    north, south = analytics(OFFICE).people("sales", teams={"north": ["ann", "bob"], "south": ["eve"]}).rows
    assert (north.won, north.lost, north.taken_over.numerator, north.handed_on) == (3, 1, 1, 0)
    assert (south.closed, south.handed_on) == (0, 1)
    assert str(north.won_sums["EUR"]) == "3.51 EUR"
    assert north.median_to_win is not None
    assert north.median_to_win.days == 2


def test_the_records_of_a_team_are_those_of_its_people() -> None:
    """A cell lists them; a team that is not there is named."""
    people = analytics(OFFICE).people("sales", teams={"north": ["ann", "bob"]})
    assert people.ids("won", group="north") == ["d1", "d2", "d4"]
    with pytest.raises(InputError, match="'west' is not here"):
        people.ids("won", group="west")


@few
@given(records=histories())
def test_who_took_over_is_who_was_not_first(records: list[Record]) -> None:
    """For each owner, closings of records whose first owner was somebody else, by a slow walk."""
    asked = Asked()
    first = {record.id: record.owner for record in records}
    for row in analytics(records).people("sales").rows:
        closings = [
            life
            for life in ref.lives(records, asked)
            if ref.status(life, asked) in ("won", "lost") and life.steps[-1].owner == row.group
        ]
        assert row.taken_over.numerator == sum(first[life.record.id] != row.group for life in closings)
        assert row.closed == len(closings)


@few
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 10**12)), max_size=12), st.booleans())
def test_the_median_of_a_team_is_that_of_all_its_wins(wins: list[tuple[str, int]], slowly: bool) -> None:
    """Teams may share people; it is exact, also where a unit is looked into step by step."""
    teams = {"first": ["a", "b"], "both": ["b", "b", "c"], "nobody": ["x"]}
    records = [
        deal(f"d{n}", owner, 1, Place(lasted / 3.6e9, "sales", "won"))
        for n, (owner, lasted) in enumerate(wins)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ages, "_FEW", 0 if slowly else 100)
        found = {row.group: row.median_to_win for row in analytics(records).people("sales", teams=teams).rows}
    for name, members in teams.items():
        median = ref.nearest_rank([t for owner, t in wins if owner in members and t >= 0], 50)
        assert found[name] == (None if median is None else timedelta(microseconds=median))


def test_teams_are_named_in_the_title() -> None:
    """With teams the rows are teams, and the report says so; else they are owners."""
    metrics = analytics(OFFICE)
    teams = metrics.people("sales", teams={"north": ["ann"]})
    assert (teams.about.by, metrics.people("sales").about.by) == ("team", "owner")
    assert "by team" in str(teams)
    assert "по командам" in str(teams.labelled("ru"))


@pytest.mark.parametrize("teams", [["ann"], "ann", 3, {"north": "anna"}, {"north": 3}, {"north": None}])
def test_teams_are_names_with_lists_of_people(teams: Any) -> None:
    """A list, a text, a number are none; and the letters of a name are no people."""
    with pytest.raises(InputError, match="teams: "):
        analytics(OFFICE).people("sales", teams=teams)
