"""People and groups: what they answer, what is wrong with them, and JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import DefinitionError, InputError, TimeError
from funnelkit.people import Away, Group, Organisation, Person

ANN, BOB, EVA, IDA = Person("ann"), Person("bob"), Person("eva"), Person("ida")
SHOP = Organisation(
    [ANN, BOB, EVA, IDA, Person("max")],
    [
        Group("sales", head="eva", members=["max"]),
        Group("south", members=["ann", "bob"], within="sales"),
        Group("north", head="ida", members=["bob"], within="sales"),
        Group("harbour", head="bob", members=["ann", "ida"], within="north"),
    ],
)
NOON = datetime(2026, 8, 10, 12, tzinfo=UTC)


def problems(people: Any = (), groups: Any = ()) -> list[str]:
    """Return everything that is wrong with an organisation."""
    with pytest.raises(DefinitionError) as caught:
        Organisation(people, groups)
    return [str(problem) for problem in caught.value.problems]


# Groups


def test_members_are_told_in_order_and_once() -> None:
    """A group's own members come first, then those of its parts in the order of the groups."""
    assert SHOP.members("sales") == ("max", "ann", "bob", "ida")


def test_a_head_is_no_member() -> None:
    """Whoever heads a group is not a member of it unless listed as one."""
    assert Organisation([EVA], [Group("sales", head="eva")]).members("sales") == ()


def test_a_head_sees_all_below() -> None:
    """The head of the topmost group sees every member and every head below."""
    assert SHOP.seen_by_head("eva") == {"max", "ann", "bob", "ida"}


def test_a_head_does_not_see_beside_or_above() -> None:
    """The head of a part sees that part and what is within it alone."""
    assert SHOP.seen_by_head("ida") == {"bob", "ann"}


def test_who_heads_nothing_sees_nobody() -> None:
    """A plain member is the head of no one."""
    assert SHOP.seen_by_head("ann") == frozenset()


def test_colleagues_are_of_ones_own_groups_alone() -> None:
    """The others of the groups one is a member of, and their heads; no part, no group above."""
    assert SHOP.colleagues("bob") == {"ann", "ida"}
    assert SHOP.colleagues("max") == {"eva"}


def test_groups_nest_as_deep_as_one_likes() -> None:
    """Thousands of groups within each other are followed to the last."""
    groups = [Group("0", head="eva")] + [Group(str(n), within=str(n - 1)) for n in range(1, 5_000)]
    groups.append(Group("last", members=["ann"], within="4999"))
    deep = Organisation([ANN, EVA], groups)
    assert deep.members("0") == ("ann",)
    assert deep.seen_by_head("eva") == {"ann"}


@pytest.mark.parametrize("ask", [SHOP.person, SHOP.seen_by_head, SHOP.colleagues])
def test_an_unknown_person_is_named_with_the_likeliest_one(ask: Any) -> None:
    """A slip of the pen is told with what was probably meant."""
    with pytest.raises(InputError, match=r"person: there is no person 'anne' \(did you mean 'ann'\?\)"):
        ask("anne")


@pytest.mark.parametrize("ask", [SHOP.group, SHOP.members])
def test_an_unknown_group_is_named_with_the_likeliest_one(ask: Any) -> None:
    """A slip of the pen is told with what was probably meant."""
    with pytest.raises(InputError, match=r"group: there is no group 'nort' \(did you mean 'north'\?\)"):
        ask("nort")


@pytest.mark.parametrize("id", [None, 7, ["ann"], ""])
def test_what_is_no_id_is_an_input_error(id: Any) -> None:
    """Anything at all may be asked for."""
    with pytest.raises(InputError):
        SHOP.person(id)


def test_an_error_does_not_drown_in_names() -> None:
    """A large organisation is not told whole."""
    large = Organisation([Person(f"person {n}") for n in range(1_000)])
    with pytest.raises(InputError) as caught:
        large.person("zzz")
    assert len(str(caught.value)) < 100


# Availability


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 8, 9, 23, 59, tzinfo=UTC), True),
        (datetime(2026, 8, 10, 0, 0, tzinfo=UTC), False),
        (datetime(2026, 8, 11, 23, 59, tzinfo=UTC), False),
        (datetime(2026, 8, 12, 0, 0, tzinfo=UTC), True),
    ],
)
def test_days_away_are_half_open(at: datetime, *, expected: bool) -> None:
    """From the first day on, up to and without the last."""
    away = Person("ann", away=[(date(2026, 8, 10), date(2026, 8, 12))])
    assert away.is_available(at) is expected


def test_a_day_is_one_of_the_zone_that_is_asked_in() -> None:
    """One instant is another day elsewhere."""
    away = Person("ann", away=[(date(2026, 8, 11), None)])
    evening = datetime(2026, 8, 10, 23, tzinfo=UTC)
    assert away.is_available(evening)
    assert not away.is_available(evening.astimezone(timezone(timedelta(hours=3))))


def test_instants_away_are_half_open() -> None:
    """Away from an instant on, back at the other."""
    away = Person("ann", away=[(NOON, NOON + timedelta(hours=1))])
    asked = [NOON - timedelta(seconds=1), NOON, NOON + timedelta(minutes=59), NOON + timedelta(hours=1)]
    assert [away.is_available(at) for at in asked] == [True, False, False, True]


def test_available_keeps_the_order_and_leaves_out_the_dismissed() -> None:
    """Who is switched off or away is not told."""
    people = [IDA, Person("bob", available=False), Person("eva", away=[(None, None)]), ANN]
    assert Organisation(people).available(NOON) == ("ida", "ann")


def test_availability_is_asked_at_an_instant() -> None:
    """A naive time is none."""
    with pytest.raises(TimeError, match="no time zone"):
        SHOP.available(datetime(2026, 8, 10))  # noqa: DTZ001 (naive on purpose)


# Mistakes


def test_everything_wrong_is_told_at_once() -> None:
    """Each mistake has a path; none hides another."""
    people = [Person(""), Person("ann", capacity=-1), Person("ann", "x" * 501)]
    groups = [Group("n", head="anne", members=["ann", "bob", "ann"], within="m"), Group("n")]
    assert problems(people, groups) == [
        "people[0].id: empty (give some text)",
        "people[1].capacity: -1 is not a whole number from 0 on (records in 30 days)",
        "people[2].name: 501 characters long (at most 500)",
        "people[2].id: person 'ann' is there already (as people[1])",
        "groups[1].id: group 'n' is there already (as groups[0])",
        "groups[0].head: there is no person 'anne' (did you mean 'ann'?)",
        "groups[0].members[1]: there is no person 'bob' (one of '', 'ann')",
        "groups[0].members[2]: person 'ann' is there already (as groups[0].members[0])",
        "groups[0].within: there is no group 'm' (one of 'n')",
    ]


def test_a_circle_of_groups_is_told_once() -> None:
    """Groups within each other are a mistake, one for the circle and none for what hangs on it."""
    groups = [Group("x", within="a"), Group("a", within="b"), Group("b", within="c"), Group("c", within="a")]
    assert problems((), groups) == [
        "groups[1].within: 'a' is within itself: a → b → c → a (let one stand alone)"
    ]


def test_a_group_within_itself_is_a_circle() -> None:
    """The smallest circle has one group."""
    assert problems((), [Group("a", within="a")]) == [
        "groups[0].within: 'a' is within itself: a → a (let one stand alone)"
    ]


@pytest.mark.parametrize(
    ("away", "sentence"),
    [
        ([(date(2026, 8, 2), date(2026, 8, 2))], "before it begins"),
        ([(datetime(2026, 8, 2), None)], "an instant without a time zone"),  # noqa: DTZ001 (naive on purpose)
        ([(date(2026, 8, 2), NOON)], "not two dates or two instants"),
        ([("2026-08-02", None)], "not two dates or two instants"),
        ([7], "7 is not a time away"),
        (date(2026, 8, 2), "is not a time away"),
    ],
)
def test_a_time_away_has_two_bounds_of_a_kind(away: Any, sentence: str) -> None:
    """Dates or aware instants, the first before the second."""
    (problem,) = problems([Person("ann", away=away)])
    assert problem.startswith("people[0].away[0]: ")
    assert sentence in problem


@pytest.mark.parametrize(
    ("people", "groups", "path"),
    [
        (["ann"], [], "people[0]: 'ann' is not a Person"),
        (ANN, [ANN], "groups[0]: Person(id='ann'"),
        ([Person(7)], [], "people[0].id: 7 is not text"),  # type: ignore[arg-type]
        ([Person("ann", available=1)], [], "people[0].available: 1 is not True or False"),  # type: ignore[arg-type]
        ([Person("ann", capacity=True)], [], "people[0].capacity: True is not"),
        ([], [Group([])], "groups[0].id: [] is not text"),  # type: ignore[arg-type]
        ([], [Group("a", members=[["x"]])], "groups[0].members[0]: there is no person ['x']"),
        ([], [Group("a", head=None)], "groups[0].head: there is no person None"),  # type: ignore[arg-type]
        ([], [Group("a", within=None)], "groups[0].within: there is no group None"),  # type: ignore[arg-type]
    ],
)
def test_values_of_a_wrong_type_are_problems(people: Any, groups: Any, path: str) -> None:
    """Anything at all may be given; it is told, never raised as something else."""
    assert problems(people, groups)[0].startswith(path)


# JSON

ids = st.sampled_from(["ann", "bob", "eva", "Анна Ли", "i/d"])
bounds = st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))
instants = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def in_order(pair: Any) -> bool:
    """Whether a time away begins before it ends."""
    return None in pair or bool(pair[0] < pair[1])


periods = (
    (st.tuples(bounds, bounds) | st.tuples(instants, instants)).filter(in_order).map(lambda pair: Away(*pair))
)


@st.composite
def organisations(draw: st.DrawFn) -> Organisation:
    """Draw people, and groups whose parents come before them."""
    people = [
        Person(
            id,
            draw(st.sampled_from(["", "Ann Lee"])),
            available=draw(st.booleans()),
            away=draw(st.lists(periods, max_size=2)),
            capacity=draw(st.integers(0, 90)),
        )
        for id in draw(st.lists(ids, unique=True))
    ]
    names = st.sampled_from([person.id for person in people]) if people else st.nothing()
    groups: list[Group] = []
    for number in range(draw(st.integers(0, 4))):
        head = draw(st.just("") | names)
        members = draw(st.lists(names, unique=True))
        within = draw(st.sampled_from(["", *(group.id for group in groups)]))
        groups.append(Group(str(number), head=head, members=members, within=within))
    return Organisation(people, groups)


@given(organisations())
def test_json_brings_back_the_same(organisation: Organisation) -> None:
    """What is written down and read again is equal."""
    assert Organisation.from_json(organisation.to_json()) == organisation


@given(organisations())
def test_a_head_sees_the_members_of_their_group(organisation: Organisation) -> None:
    """Nobody below a head is out of the head's sight, and nobody is below themselves."""
    for group in organisation.groups:
        if group.head:
            seen = organisation.seen_by_head(group.head)
            assert set(organisation.members(group.id)) - {group.head} <= seen
            assert group.head not in seen


def test_a_document_by_hand_can_be_short() -> None:
    """What is at its default is left out."""
    text = '{"people": [{"id": "ann", "away": [{"since": "2026-08-03", "until": "2026-08-17"}]}]}'
    away = Away(date(2026, 8, 3), date(2026, 8, 17))
    assert Organisation.from_json(text) == Organisation([Person("ann", away=[away])])


def test_mistakes_of_a_document_have_paths() -> None:
    """Unknown keys, wrong types and unreadable days are told at once."""
    fix = '(write "2026-08-03" or "2026-08-03T09:00:00+02:00")'
    text = '{"people": [{"id": "ann", "capasity": 3}, {"id": 7, "away": [{"since": "3.8.2026"}]}]}'
    with pytest.raises(DefinitionError) as caught:
        Organisation.from_json(text)
    assert [str(problem) for problem in caught.value.problems] == [
        "people[0].capasity: is not a key (did you mean 'capacity'?)",
        "people[1].id: 7 is not text",
        "people[1].away[0].since: '3.8.2026' is neither a date nor an instant " + fix,
    ]


def test_mistakes_of_the_whole_are_found_in_a_document_too() -> None:
    """A document is checked as an organisation made by hand is."""
    with pytest.raises(DefinitionError, match=r"groups\[0\].head: there is no person 'eva'"):
        Organisation.from_json('{"groups": [{"id": "north", "head": "eva"}]}')
