"""Who sees what: scopes, what they come to for a person, and the same in SQL."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from funnelkit.errors import InputError
from funnelkit.people import Group, Organisation, Owners, Person, Scope, Visible
from funnelkit.records import Deal

SHOP = Organisation(
    [Person("ann"), Person("bob"), Person("eva"), Person("ida"), Person("max", available=False)],
    [
        Group("sales", head="eva", members=["max"]),
        Group("north", head="ida", members=["ann", "bob"], within="sales"),
    ],
)
OWNERS = ["ann", "bob", "eva", "ida", "max", "gone", ""]
SOURCES = ["web", "shop", "phone", ""]
PLACES = [(owner, source) for owner in OWNERS for source in SOURCES]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def seen(scope: Scope, person: str = "ann", sources: Any = ("web",)) -> set[tuple[str, str]]:
    """Return owner and source of everything that a person sees."""
    visible = scope.resolve(person, SHOP, sources)
    return {place for place in PLACES if visible.covers(*place)}


def of(*owners: str) -> set[tuple[str, str]]:
    """Return owner and source of everything that these people hold."""
    return {place for place in PLACES if place[0] in owners}


def from_(*sources: str) -> set[tuple[str, str]]:
    """Return owner and source of everything that came from these sources."""
    return {place for place in PLACES if place[1] in sources}


NAMED = {
    "own": (Scope.own(), of("ann")),
    "unclaimed": (Scope.unclaimed(), of("", "gone")),
    "own and unclaimed": (Scope.own_and_unclaimed(), of("ann", "", "gone")),
    "headed": (Scope.headed(), set()),
    "group": (Scope.group(), of("ann", "bob", "ida")),
    "storefront": (Scope.storefront(), from_("web")),
    "everything": (Scope.everything(), set(PLACES)),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_named_scope_shows_what_it_says(name: str) -> None:
    """Each of the named scopes, for a plain member of a group."""
    scope, expected = NAMED[name]
    assert seen(scope) == expected


def test_a_head_sees_what_is_held_below() -> None:
    """The group of a head is all below, dismissed people included; the hierarchy alone is ``headed``."""
    assert seen(Scope.group(), "eva") == of("eva", "max", "ida", "ann", "bob")
    assert seen(Scope.own() | Scope.headed(), "ida") == of("ida", "ann", "bob")


def test_a_member_does_not_see_the_groups_within() -> None:
    """Seeing what is below is for heads."""
    assert seen(Scope.group(), "max") == of("max", "eva")


def test_unclaimed_of_a_storefront_are_seen_by_all_of_it() -> None:
    """People of one storefront see what is unclaimed there, and what they took; nothing else of it."""
    scope = Scope.own_and_unclaimed() & Scope.storefront()
    assert seen(scope) == of("ann", "", "gone") & from_("web")
    assert seen(scope, "bob") == of("bob", "", "gone") & from_("web")


def test_own_anywhere_and_unclaimed_of_the_storefront() -> None:
    """What one holds need not come from one's storefront."""
    scope = Scope.own() | (Scope.unclaimed() & Scope.storefront())
    assert seen(scope) == of("ann") | (of("", "gone") & from_("web"))


def test_who_has_no_storefront_sees_nothing_through_it() -> None:
    """No source, no sight: not even of records that came from nowhere."""
    assert seen(Scope.storefront(), sources=()) == set()
    assert Scope.storefront().resolve("ann", SHOP).nothing


def test_several_storefronts_count_together() -> None:
    """A person may have several."""
    assert seen(Scope.storefront(), sources=["web", "shop"]) == from_("web", "shop")


def test_nobody_of_the_organisation_sees_nothing() -> None:
    """A stranger is refused, even where everything is to be seen."""
    with pytest.raises(InputError, match="there is no person 'gone'"):
        Scope.everything().resolve("gone", SHOP)


@pytest.mark.parametrize("sources", ["web", [""], [7]])
def test_sources_are_a_collection_of_names(sources: Any) -> None:
    """One text is not a collection of letters; an empty source is no storefront."""
    with pytest.raises(InputError):
        Scope.storefront().resolve("ann", SHOP, sources)


def test_sees_looks_at_owner_and_source_of_a_record() -> None:
    """The plain reference for a record."""
    deal = Deal(
        id="d",
        pipeline="sales",
        stage="new",
        name="Acme",
        owner="bob",
        source="web",
        created_at=NOON,
        entered_at=NOON,
        updated_at=NOON,
    )
    assert Scope.storefront().resolve("ann", SHOP, ["web"]).sees(deal)
    assert not Scope.storefront().resolve("ann", SHOP, ["shop"]).sees(deal)
    assert not Scope.own().resolve("ann", SHOP, ["web"]).sees(deal)


# Laws

scopes = st.recursive(
    st.sampled_from([scope for scope, _ in NAMED.values()]),
    lambda inner: st.tuples(inner, inner, st.booleans()).map(
        lambda drawn: drawn[0] | drawn[1] if drawn[2] else drawn[0] & drawn[1]
    ),
    max_leaves=6,
)
people = st.sampled_from([person.id for person in SHOP.people])
shops = st.sets(st.sampled_from(["web", "shop", "phone"]))


@given(scopes, scopes, people, shops)
def test_either_and_both_are_union_and_intersection(
    one: Scope, two: Scope, person: str, sources: set[str]
) -> None:
    """``|`` shows what one or the other shows, ``&`` what both show."""
    first, second = seen(one, person, sources), seen(two, person, sources)
    assert seen(one | two, person, sources) == first | second
    assert seen(one & two, person, sources) == first & second


@given(scopes, scopes, scopes)
def test_scopes_do_not_depend_on_how_they_are_bracketed(one: Scope, two: Scope, three: Scope) -> None:
    """The laws of "either" and "both" hold as equality of values."""
    assert one | two == two | one
    assert one & (two | three) == (one & two) | (one & three)
    assert one | (one & two) == one == one & one


@given(scopes, scopes, people, shops)
def test_one_meaning_is_one_value(one: Scope, two: Scope, person: str, sources: set[str]) -> None:
    """Two scopes that show a person the same are resolved to equal values, and only those."""
    first, second = one.resolve(person, SHOP, sources), two.resolve(person, SHOP, sources)
    assert (first == second) is (seen(one, person, sources) == seen(two, person, sources))


@given(scopes, people, shops)
def test_sql_and_python_agree(scope: Scope, person: str, sources: set[str]) -> None:
    """The condition selects exactly the records that are seen, with a prefix and without."""
    visible = scope.resolve(person, SHOP, sources)
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE deal (owner TEXT NOT NULL, lead_source TEXT NOT NULL)")
    table.executemany("INSERT INTO deal VALUES (?, ?)", PLACES)
    for prefix in ("", "deal."):
        condition, params = visible.condition(prefix)
        chosen = table.execute(f"SELECT owner, lead_source FROM deal WHERE NOT 1 = 0 AND {condition}", params)
        assert set(chosen) == {place for place in PLACES if visible.covers(*place)}
        chosen = table.execute(f"SELECT owner, lead_source FROM deal WHERE NOT {condition}", params)
        assert set(chosen) == {place for place in PLACES if not visible.covers(*place)}
    table.close()


@given(scope=scopes, person=people, sources=shops, few=st.booleans())
@example(scope=Scope.own() | Scope.storefront(), person="ann", sources={"web", "shop"}, few=False)
@example(scope=Scope.own() | Scope.unclaimed() & Scope.storefront(), person="ann", sources={"web"}, few=False)
@example(scope=Scope.own() | Scope.unclaimed() & Scope.storefront(), person="ann", sources={"web"}, few=True)
def test_ranges_hold_each_record_that_is_seen_once(
    scope: Scope, person: str, sources: set[str], few: bool
) -> None:
    """Every record that is seen is in one range and no more, and none else is in any; or there are none."""
    visible = scope.resolve(person, SHOP, sources)
    if few:  # the same, with those who are seen named
        anywhere, within = (
            Owners({owner for owner in OWNERS if owner in each})
            for each in (visible.anywhere, visible.within)
        )
        visible = Visible(anywhere, within=within, sources=visible.sources)
    ranges, (_, params) = visible.ranges("deal."), visible.condition("deal.")
    assert ranges or visible.nothing or visible.anywhere.others
    if not ranges:
        return
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE deal (owner TEXT NOT NULL, lead_source TEXT NOT NULL)")
    table.executemany("INSERT INTO deal VALUES (?, ?)", PLACES)
    parts = " UNION ALL ".join(f"SELECT owner, lead_source FROM deal WHERE {each}" for each in ranges)
    assert sorted(table.execute(parts, params)) == sorted(each for each in PLACES if visible.covers(*each))
    table.close()


owners = st.builds(Owners, st.sets(st.sampled_from(OWNERS)), others=st.booleans())


@given(owners, owners)
def test_sets_of_owners_are_sets(one: Owners, two: Owners) -> None:
    """Union, intersection and complement are those of sets."""
    first, second = ({owner for owner in OWNERS if owner in each} for each in (one, two))
    assert {owner for owner in OWNERS if owner in one | two} == first | second
    assert {owner for owner in OWNERS if owner in one & two} == first & second
    assert {owner for owner in OWNERS if owner in ~one} == set(OWNERS) - first


def test_quotes_in_names_are_only_names() -> None:
    """Names go into parameters, never into the text of the condition."""
    evil = "x') OR 1 = 1 --"
    condition, params = Scope.own().resolve(evil, Organisation([Person(evil)])).condition()
    assert condition == "owner IN (:seen_a1)"
    assert params == {"seen_a1": evil}


def test_an_organisation_of_nobody_leaves_everything_unclaimed() -> None:
    """Without people, whoever owns a record is nobody; the condition is still one."""
    assert Visible(Owners((), others=True)).condition() == ("1 = 1", {})


@pytest.mark.parametrize("prefix", ["deal", "d.x.", "1.", "d .", ".", 'd"."', None])
def test_a_prefix_is_a_name_and_a_dot(prefix: Any) -> None:
    """What would not be the name of a table is refused."""
    with pytest.raises(InputError, match="is not a name and a dot"):
        Visible().condition(prefix)


def test_the_storefronts_of_two_people_are_not_mixed() -> None:
    """A value is about one person: their storefronts cannot be joined with another's."""
    one, two = (Scope.storefront().resolve("ann", SHOP, [source]) for source in ("web", "shop"))
    with pytest.raises(InputError, match="storefronts of two people"):
        _ = one | two


def test_one_name_is_no_collection_of_names() -> None:
    """The letters of a name are nobody's names."""
    with pytest.raises(InputError, match=r"give \['ann'\]"):
        Owners("ann")


def test_a_scope_that_was_made_by_hand_of_nothing_known_is_refused() -> None:
    """An unknown name in a scope shows nothing; it is an error."""
    with pytest.raises(InputError, match="'owned' is no scope"):
        Scope(frozenset([frozenset(["owned"])])).resolve("ann", SHOP)


@pytest.mark.parametrize(
    ("visible", "words"),
    [
        (Visible(), "nothing"),
        (Visible(Owners((), others=True)), "everything"),
        (Visible(Owners({"bob", "ann"})), "held by 'ann', 'bob'"),
        (Visible(within=Owners((), others=True), sources={"web"}), "from 'web': held by anybody or nobody"),
    ],
)
def test_what_is_seen_is_told_in_words(visible: Visible, words: str) -> None:
    """It prints as people say it."""
    assert str(visible) == words
