"""Who gets the next record, and why."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import InputError, TimeError
from funnelkit.people import (
    Assignment,
    Facts,
    FirstOf,
    Group,
    LeastBusy,
    Organisation,
    Person,
    PersonalManager,
    Quota,
    RoundRobin,
    SharingRule,
    daily_quota,
    deal_out,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAMES = ("ann", "bob", "eva", "ida")


def team(*away: str, capacity: int = 30, **capacities: int) -> Organisation:
    """Return four people in one group, some of them away, with capacities of their own."""
    people = [
        Person(name, available=name not in away, capacity=capacities.get(name, capacity)) for name in NAMES
    ]
    return Organisation(people, [Group("north", members=NAMES), Group("empty")])


def facts(*away: str, **known: Any) -> Facts:
    """Return what is known of the team at noon."""
    return Facts(organisation=team(*away), at=NOON, **known)


def owners(answers: tuple[Assignment, ...]) -> list[str]:
    """Return who got what, in order."""
    return [answer.owner for answer in answers]


# Personal manager


@pytest.mark.parametrize(
    ("known", "away", "expected"),
    [
        ({"manager": "ann", "source_owner": "bob", "creator": "eva"}, (), "ann"),
        ({"manager": "ann", "source_owner": "bob", "creator": "eva"}, ("ann",), "bob"),
        ({"manager": "ann", "source_owner": "bob", "creator": "eva"}, ("ann", "bob"), "eva"),
        ({"manager": "ann", "source_owner": "bob", "creator": "eva"}, ("ann", "bob", "eva"), ""),
        ({"manager": "gone", "creator": "eva"}, (), "eva"),
        ({"source_owner": "bob", "creator": "eva"}, (), "bob"),
        ({}, (), ""),
    ],
)
def test_the_clients_manager_goes_before_the_source_before_the_creator(
    known: dict[str, str], away: tuple[str, ...], expected: str
) -> None:
    """Whoever is away or has left is passed over."""
    assert PersonalManager().assign(facts(*away, **known)).owner == expected


def test_whoever_was_passed_over_is_named() -> None:
    """The reason tells who it would have been."""
    answer = PersonalManager().assign(facts("bob", manager="gone", source_owner="bob", creator="eva"))
    assert answer == Assignment(
        "eva",
        "personal manager",
        "made the record; the client's manager 'gone' is nobody of the organisation; "
        "who answers for the source, 'bob' is not available",
    )


def test_no_manager_at_all_has_a_reason() -> None:
    """Nobody is an answer, in a sentence."""
    why = "no manager of the client, nobody who answers for the source, no creator"
    assert PersonalManager().assign(facts()) == Assignment("", "personal manager", why)


# Round robin


def test_turns_go_round() -> None:
    """One after the other in the order of the group, and again from the first."""
    answers = deal_out(RoundRobin("north"), facts(), 6)
    assert owners(answers) == ["ann", "bob", "eva", "ida", "ann", "bob"]


def test_the_turn_comes_after_whoever_got_the_last() -> None:
    """A pointer by order, wherever the run before it stopped."""
    assert RoundRobin("north").assign(facts(last="eva")).owner == "ida"
    assert RoundRobin("north").assign(facts(last="ida")).owner == "ann"


def test_whoever_is_away_is_never_picked() -> None:
    """Availability is looked at before the turn."""
    answers = deal_out(RoundRobin("north"), facts("bob", "ida"), 4)
    assert owners(answers) == ["ann", "eva", "ann", "eva"]


def test_standing_in_costs_no_turn_and_brings_none() -> None:
    """After bob, who is away, eva gets one; the next is ida's, not eva's again."""
    assert owners(deal_out(RoundRobin("north"), facts("bob", last="ann"), 2)) == ["eva", "ida"]


def test_the_turn_is_not_lost_when_the_last_one_leaves() -> None:
    """The one before them tells whose turn it is."""
    assert RoundRobin("north").assign(facts(last=("gone", "bob", "ann"))).owner == "eva"


def test_the_only_one_gets_all() -> None:
    """With nobody else there, the same one gets the next as well; the reason says so."""
    answer = RoundRobin("north").assign(facts("bob", "eva", "ida", last="ann"))
    assert answer == Assignment("ann", "round robin", "again, as the only one available in group 'north'")


@given(
    st.lists(st.sets(st.sampled_from(NAMES), max_size=2), min_size=2, max_size=30),
)
def test_nobody_gets_two_in_a_row(away: list[set[str]]) -> None:
    """However people come and go: with two or more there, nobody gets one after the other, or while away."""
    known, got = facts(), []
    for absent in away:
        now = Facts(organisation=team(*absent), at=NOON, last=known.last)
        answer = RoundRobin("north").assign(now)
        assert answer.owner not in absent
        got.append(answer.owner)
        known = now.after(answer.owner)
    assert all(one != two for one, two in pairwise(got))


@given(st.sets(st.sampled_from(NAMES), max_size=3), st.integers(0, 40), st.sampled_from(["", *NAMES]))
def test_turns_are_even(away: set[str], count: int, last: str) -> None:
    """Nobody who is there gets more than one above anybody else who is there."""
    got = Counter(owners(deal_out(RoundRobin("north"), facts(*away, last=last), count)))
    there = [got[name] for name in NAMES if name not in away]
    assert sum(there) == count
    assert max(there) - min(there) <= 1


# Least busy


def test_the_fewest_open_records_get_the_next() -> None:
    """Whoever is not counted holds none."""
    assert LeastBusy("north").assign(facts(open={"ann": 2, "bob": 1, "eva": 3, "ida": 2})).owner == "bob"
    assert LeastBusy("north").assign(facts(open={"ann": 2, "bob": 1, "eva": 3})).owner == "ida"


def test_of_equals_the_first_gets_it() -> None:
    """Ties go by the order of the group."""
    assert LeastBusy("north").assign(facts("ann", open={"ann": 0, "ida": 5})).owner == "bob"


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 9)), st.integers(0, 40))
def test_dealing_to_the_least_busy_evens_out(open: dict[str, int], count: int) -> None:
    """Whoever got something was never ahead of anybody else by more than one."""
    answers = deal_out(LeastBusy("north"), facts(open=open), count)
    end = Counter(open) + Counter(owners(answers))
    given_to = [end[name] for name in set(owners(answers))]
    assert all(held <= min(end[name] for name in NAMES) + 1 for held in given_to)


# Quota


@pytest.mark.parametrize(
    ("capacity", "a_day"),
    [(45, 2), (15, 1), (30, 1), (60, 2), (0, 0), (14, 0), (44, 1), (74, 2), (75, 3), (900, 30)],
)
def test_a_quota_is_a_thirtieth_of_the_capacity_half_up(capacity: int, a_day: int) -> None:
    """The published numbers 45, 15, 30 and 60, and both sides of a half."""
    assert daily_quota(capacity) == a_day


@pytest.mark.parametrize(("capacity", "a_day"), [(45, 2), (15, 1), (30, 1), (60, 2), (0, 0)])
def test_no_more_than_the_quota_is_given_in_a_day(capacity: int, a_day: int) -> None:
    """Each of four gets the quota; whatever is over goes to nobody, with a reason."""
    known = Facts(organisation=team(capacity=capacity), at=NOON)
    answers = deal_out(Quota("north"), known, 12)
    assert Counter(owners(answers)) == Counter(dict.fromkeys(NAMES, a_day) | {"": 12 - 4 * a_day})
    assert answers[-1].why == "the quota of the day is used up by the 4 available in group 'north'"


def test_what_was_received_in_the_last_day_counts() -> None:
    """It is taken off the quota, unless the run is forced."""
    known = Facts(organisation=team(capacity=60), at=NOON, received={"ann": 1, "bob": 2, "eva": 7, "ida": 2})
    assert owners(deal_out(Quota("north"), known, 2)) == ["ann", ""]
    forced = deal_out(Quota("north", forced=True), known, 9)
    assert Counter(owners(forced)) == Counter({"ann": 2, "bob": 2, "eva": 2, "ida": 2, "": 1})


def test_those_with_the_most_left_begin_and_take_turns() -> None:
    """Quotas of 1, 3, 2 and 0: in rounds by what is left, and out when it is used up."""
    known = Facts(organisation=team(ann=30, bob=90, eva=60, ida=0), at=NOON)
    answers = deal_out(Quota("north"), known, 7)
    assert owners(answers) == ["bob", "eva", "ann", "bob", "eva", "bob", ""]
    assert answers[3].why == "1 of 3 in 24 hours, next of the 4 available in group 'north'"


def test_a_quota_is_for_those_who_are_there() -> None:
    """Whoever is away gets none of it."""
    assert owners(deal_out(Quota("north"), facts("ann", "eva"), 3)) == ["bob", "ida", ""]


# Nobody


@pytest.mark.parametrize("rule", [RoundRobin, LeastBusy, Quota])
@pytest.mark.parametrize(
    ("group", "away", "why"),
    [
        ("north", NAMES, "none of the 4 in group 'north' is available"),
        ("empty", (), "there is nobody in group 'empty'"),
        ("nort", (), "there is no group 'nort', did you mean 'north'?"),
    ],
)
def test_nobody_is_an_answer_with_a_reason(rule: Any, group: str, away: tuple[str, ...], why: str) -> None:
    """An inquiry is not lost because a group is empty, away or gone."""
    answer = rule(group).assign(facts(*away))
    assert (answer.owner, answer.why) == ("", why)


def test_the_first_rule_that_finds_somebody_answers() -> None:
    """A personal manager, else the turn; each says its own reason."""
    rules = FirstOf([PersonalManager(), RoundRobin("north")])
    assert rules.assign(facts(manager="eva")).rule == "personal manager"
    assert rules.assign(facts("eva", manager="eva")).rule == "round robin"


def test_when_no_rule_finds_anybody_all_reasons_are_told() -> None:
    """Every rule says why not."""
    answer = FirstOf([PersonalManager(), RoundRobin("empty")]).assign(facts("eva", manager="eva"))
    assert answer == Assignment(
        "",
        "personal manager, round robin",
        "personal manager: the client's manager 'eva' is not available; "
        "round robin: there is nobody in group 'empty'",
    )


RULES: list[SharingRule] = [
    PersonalManager(),
    RoundRobin("north"),
    LeastBusy("north"),
    Quota("north"),
    Quota("north", forced=True),
    FirstOf([PersonalManager(), Quota("north"), LeastBusy("north")]),
]
counts = st.dictionaries(st.sampled_from([*NAMES, "gone"]), st.integers(0, 3))
anybody = st.sampled_from(["", "gone", *NAMES])


@given(
    st.sampled_from(RULES),
    st.sets(st.sampled_from(NAMES)),
    st.fixed_dictionaries(
        {
            "manager": anybody,
            "source_owner": anybody,
            "creator": anybody,
            "last": st.lists(anybody).map(tuple),
            "open": counts,
            "received": counts,
            "given": counts,
        }
    ),
)
def test_only_who_is_there_is_given_anything(
    rule: SharingRule, away: set[str], known: dict[str, Any]
) -> None:
    """Whatever the facts are: an answer with a reason, of somebody available or of nobody."""
    answer = rule.assign(facts(*away, **known))
    assert answer.why
    assert answer.owner in {"", *NAMES} - away


# Facts


def test_days_away_are_days_where_the_facts_are_told() -> None:
    """The zone of ``at`` is kept."""
    people = [Person("ann", away=[(date(2026, 3, 2), date(2026, 3, 3))])]
    shop = Organisation(people, [Group("north", members=["ann"])])
    assert not RoundRobin("north").assign(Facts(organisation=shop, at=NOON)).owner


@pytest.mark.parametrize("counted", [{"ann": -1}, {"ann": 1.0}, {"ann": True}])
def test_counts_are_whole_numbers(counted: dict[str, Any]) -> None:
    """A count that is none is refused when the facts are told."""
    with pytest.raises(InputError, match="a count of 'ann'"):
        facts(open=counted)


def test_facts_are_of_an_instant() -> None:
    """A naive time is none."""
    with pytest.raises(TimeError):
        Facts(organisation=team(), at=datetime(2026, 3, 2))  # noqa: DTZ001 (naive on purpose)


def test_nobody_changes_no_facts() -> None:
    """When nobody was given anything, all is as it was."""
    known = facts(open={"ann": 1})
    assert known.after("") == known
