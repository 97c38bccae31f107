"""What somebody sees of an engine: theirs, through every read, and nothing of what is hidden."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.seeing.shops import HIDDEN, PEOPLE, PIPELINES, SOURCES, filled

from funnelkit import AsyncEngine, Engine, SQLiteStore
from funnelkit.errors import InputError, NotFoundError, RefusedError, StoreReadOnlyError
from funnelkit.people import Scope

IDS = ("D", "L", "C", "Y")


@pytest.mark.parametrize("id", IDS)
def test_what_is_hidden_is_as_if_it_did_not_exist(shop: Engine, id: str) -> None:
    """Getting a hidden record raises what getting a record that is nowhere raises."""
    ann = shop.seen_by("ann")
    assert ann.get(id).id == id
    with pytest.raises(NotFoundError) as hidden:
        ann.get(id + HIDDEN)
    with pytest.raises(NotFoundError) as nowhere:
        ann.get("nowhere")
    assert str(hidden.value).replace(id + HIDDEN, "nowhere") == str(nowhere.value)


ASKED: dict[str, Callable[[Any, str], Any]] = {
    "history": lambda engine, ref: engine.history(ref),
    "activities": lambda engine, ref: engine.activities(ref),
    "changes": lambda engine, ref: engine.changes(ref),
    "attributes": lambda engine, ref: engine.store.attributes(ref),
    "get_many": lambda engine, ref: [engine.store.get_many(kind, [ref]) for kind in KINDS],
    "find": lambda engine, ref: [engine.find(kind, after=ref[:-1]) for kind in KINDS],
}
KINDS = ("deal", "lead", "contact", "company")


@pytest.mark.parametrize("read", ASKED.values(), ids=ASKED)
def test_reading_what_is_hidden_brings_nothing(shop: Engine, read: Callable[[Any, str], Any]) -> None:
    """Every read of a hidden record answers as for one that does not exist."""
    ann = shop.seen_by("ann")
    for id in IDS:
        assert HIDDEN not in repr(read(ann, id + HIDDEN))


@pytest.mark.parametrize(
    "id", ["\ud800", "a\0b", "deal_" + "\ud800" * 26, "D' --", "?", ":a0", "%s", "%(a)s"]
)
def test_an_odd_id_is_nobodys(shop: Engine, id: str) -> None:
    """Whatever stands in an id, asking for it answers what the whole engine answers."""
    ann = shop.seen_by("ann")
    for engine in (ann, shop):
        with pytest.raises(NotFoundError):
            engine.get(id)
    assert [ann.history(id), ann.activities(id), ann.changes(id), ann.find("deal", owner=id)] == [[]] * 4


@pytest.mark.parametrize("scope", [Scope.own(), Scope.unclaimed(), Scope.own_and_unclaimed(), Scope.group()])
def test_pages_follow_each_other(shop: Engine, scope: Scope) -> None:
    """Pages of two, one behind the other, are the list of what is seen, whoever holds it."""
    for number in range(12):
        shop.create(f"more {number}", owner=("", "ann", "gone", "bob")[number % 4])
    visible = scope.resolve("ann", PEOPLE)
    wanted = [deal.id for deal in shop.find("deal") if visible.sees(deal)]
    found: list[str] = []
    while page := shop.seen_by("ann", scope).find("deal", after=found[-1] if found else "", limit=2):
        found += [deal.id for deal in page]
    assert found == wanted


@pytest.mark.parametrize(
    "where", [{"owner": "bob"}, {"source": "web"}, {"email": f"ada{HIDDEN}@example.org"}]
)
def test_finding_by_what_is_hidden_finds_nothing_of_it(shop: Engine, where: dict[str, str]) -> None:
    """Whatever column one finds by, only what is seen is found."""
    kinds = ("lead",) if "email" in where else KINDS
    found = [record.id for kind in kinds for record in shop.seen_by("ann").find(kind, **where)]
    assert not [id for id in found if id.endswith(HIDDEN)]


@pytest.mark.parametrize("column", ["1 = 1 OR owner", "owner --", "name) OR (1", "seen_a1"])
def test_a_column_that_is_none_is_refused(shop: Engine, column: str) -> None:
    """Nothing can be put into a question by the name of a column."""
    with pytest.raises(InputError, match="cannot be compared"):
        shop.seen_by("ann").find("deal", **{column: "x"})


def test_a_profile_holds_what_is_seen_of_a_client(shop: Engine) -> None:
    """A client one sees has the records one sees; the others' deals of the same client are not there."""
    shop.create(f"theirs{HIDDEN}", id=f"T{HIDDEN}", owner="bob", contact="C")
    assert HIDDEN in repr(shop.client("C").deals)
    assert HIDDEN not in repr(shop.seen_by("ann").client("C").deals)


def test_a_profile_of_a_hidden_client_is_not_there(shop: Engine) -> None:
    """A hidden client has no profile."""
    with pytest.raises(NotFoundError):
        shop.seen_by("ann").client(f"C{HIDDEN}")


def test_candidates_are_of_what_is_seen(shop: Engine) -> None:
    """An inquiry that looks like a hidden client is like nobody."""
    lead = shop.capture("Who", id="W", owner="ann", source="web", email=f"ada{HIDDEN}@example.org")
    assert HIDDEN in repr([*shop.candidates(lead)])
    assert HIDDEN not in repr([*shop.seen_by("ann").candidates(lead)])


def test_the_feed_tells_of_what_is_seen(shop: Engine) -> None:
    """Nothing in the feed is about a hidden record."""
    feed = shop.seen_by("ann").changes()
    assert {change.record for change in feed} == set(IDS)


def test_keys_of_others_are_not_seen(shop: Engine) -> None:
    """What was answered under a key, to whomever, is not read."""
    shop.create("by key", owner="bob", key="k")
    assert shop.store.answer("k")
    assert shop.seen_by("ann").store.answer("k") is None


def test_a_report_counts_what_is_seen(shop: Engine) -> None:
    """One deal of two is counted, and the ids behind the number are its own."""
    ann = shop.seen_by("ann")
    assert shop.funnel().counts()["new"] == 2
    assert ann.funnel().counts()["new"] == 1
    assert ann.funnel().ids("new", "count") == ["D"]
    assert [row.group for row in ann.analytics.people("sales").rows] == ["ann"]


def test_what_is_seen_in_part_is_not_verified(shop: Engine) -> None:
    """It may lead to what is hidden, so the whole engine has to be verified, and is sound."""
    with pytest.raises(InputError, match=r"what 'ann' sees is a part.*verify the whole engine"):
        shop.seen_by("ann").verify()
    assert shop.verify() == ()


def test_an_error_tells_nothing_of_what_is_hidden(shop: Engine) -> None:
    """It says what one sees and what to do; no file, and no totals."""
    ann = shop.seen_by("ann")
    with pytest.raises(StoreReadOnlyError) as refused:
        ann.create("new")
    told = "what 'ann' sees is for reading only: let the whole engine act, with actor="
    assert str(refused.value) == told
    assert repr(ann.store) == "SeenStore(what 'ann' sees: held by 'ann')"


NO_SCOPES: dict[str, tuple[dict[str, Any], str]] = {
    "a word for a scope": ({"scope": "own"}, "scope: 'own' is no scope"),
    "nothing for storefronts": ({"storefronts": None}, "storefronts: None is no list"),
    "one storefront": ({"storefronts": "berlin"}, "storefronts: 'berlin' is no list"),
    "another storefront": ({"storefronts": ["berln"]}, "storefront 'berln' .did you mean 'berlin'"),
    "a storefront that is no text": ({"storefronts": [["berlin"]]}, "no source belongs to storefront"),
}


@pytest.mark.parametrize(("asked", "told"), NO_SCOPES.values(), ids=NO_SCOPES)
def test_what_is_no_scope_is_refused(shop: Engine, asked: dict[str, Any], told: str) -> None:
    """Each mistake is named, with what was meant."""
    with pytest.raises(InputError, match=told):
        shop.seen_by("ann", **asked)


ACTS: dict[str, Callable[[Any], Any]] = {
    "create": lambda engine: engine.create("new"),
    "a taken id": lambda engine: engine.create("new", id=f"D{HIDDEN}"),
    "capture": lambda engine: engine.capture("new"),
    "create_contact": lambda engine: engine.create_contact("new"),
    "reopen": lambda engine: engine.reopen("D"),
    "assign": lambda engine: engine.assign("D", "eva"),
    "edit": lambda engine: engine.edit("D", name="x"),
    "log": lambda engine: engine.log("D", "call"),
    "bulk": lambda engine: engine.bulk("assign", ["D"], owner="eva"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_is_refused_and_says_how_to_act(shop: Engine, act: Callable[[Any], Any]) -> None:
    """A part of an engine writes nothing; the error says who does."""
    before = shop.changes()
    with pytest.raises(StoreReadOnlyError, match="let the whole engine act, with actor="):
        act(shop.seen_by("ann"))
    assert shop.changes() == before


def test_an_act_on_what_is_hidden_does_not_find_it(shop: Engine) -> None:
    """A verb on a hidden record raises as for one that is nowhere."""
    with pytest.raises(NotFoundError):
        shop.seen_by("ann").reopen(f"D{HIDDEN}")


def test_undoing_a_merge_with_what_is_hidden_does_not_find_it(shop: Engine) -> None:
    """A merge of which a part is hidden is not taken back, nor is a plan of it made."""
    merge = shop.apply(shop.plan_merge(["C", f"C{HIDDEN}"], survivor="C"))
    ann = shop.seen_by("ann")
    with pytest.raises(NotFoundError):
        ann.undo(merge)
    with pytest.raises(NotFoundError):
        ann.plan_merge(["C", f"C{HIDDEN}"])


def test_a_subscriber_is_sent_to_the_whole_engine(shop: Engine) -> None:
    """Nothing is done in a part of an engine that could be told of."""
    with pytest.raises(InputError, match="subscribe it to the whole engine"):
        shop.seen_by("ann").subscribe(print)


def test_joining_a_transaction_is_not_a_way_around(shop: Engine) -> None:
    """A part of an engine joins no transaction, for there the whole store is read."""
    with pytest.raises(InputError, match=r"engine.using\(connection\).seen_by"):
        shop.seen_by("ann").using("a connection")


def test_a_joined_engine_is_seen_in_part() -> None:
    """Inside the host's transaction one sees one's own as well."""
    connection = sqlite3.connect(":memory:")
    SQLiteStore.create_tables(connection)
    whole = Engine(*PIPELINES, organisation=PEOPLE, sources=SOURCES)
    with whole.using(connection) as crm, connection:
        crm.create("ours", id="D", owner="ann")
        crm.create("theirs", id=f"D{HIDDEN}", owner="bob")
        assert [deal.id for deal in crm.seen_by("ann").find("deal")] == ["D"]
    connection.close()


def test_a_part_of_a_part_is_no_more_than_both(shop: Engine) -> None:
    """What bob sees of what ann sees is what both see; so nothing is won by asking twice."""
    ann = shop.seen_by("ann")
    assert ann.seen_by("bob").find("deal") == []
    assert ann.seen_by("kim", Scope.everything()).find("deal") == ann.find("deal")
    assert [deal.id for deal in shop.seen_by("eva", Scope.group()).seen_by("bob").find("deal")] == [
        f"D{HIDDEN}"
    ]


def test_a_head_sees_what_is_held_at_any_depth(shop: Engine) -> None:
    """Kim heads the group that eva's group is a part of, and sees what its people hold."""
    assert len(shop.seen_by("kim", Scope.headed()).find("deal")) == 2
    assert len(shop.seen_by("eva", Scope.headed()).find("deal")) == 2
    assert shop.seen_by("ann", Scope.headed()).find("deal") == []


def test_a_storefront_is_seen_whoever_holds_it(shop: Engine) -> None:
    """Who has the storefront sees all that came through its sources, and nothing of another's."""
    shop.create("paris", id="P", owner="bob", source="mail")
    scope = Scope.storefront()
    assert len(shop.seen_by("ann", scope, storefronts=["berlin"]).find("deal")) == 2
    assert [deal.id for deal in shop.seen_by("ann", scope, storefronts=["paris"]).find("deal")] == ["P"]
    assert shop.seen_by("ann", scope).find("deal") == []


def test_what_was_taken_is_lost_from_sight(shop: Engine) -> None:
    """Whoever takes an unclaimed order has it alone; a taken one names its holder."""
    shop.create("free", id="F")
    ann, bob = (shop.seen_by(person, Scope.own_and_unclaimed()) for person in ("ann", "bob"))
    assert ann.claim("F").owner == "ann"
    assert [deal.id for deal in bob.find("deal", outcome="open")] == []
    with pytest.raises(NotFoundError):
        bob.claim("F")
    with pytest.raises(RefusedError, match="ann has it"):
        shop.claim("F", actor="bob")


def test_awaited_it_is_seen_in_part_as_well() -> None:
    """An engine in an event loop shows a person what it shows them elsewhere, reports included."""

    async def ask(store: Any) -> tuple[Any, ...]:
        engine = AsyncEngine(*PIPELINES, store=store, organisation=PEOPLE, sources=SOURCES)
        ann = engine.seen_by("ann")
        with pytest.raises(NotFoundError):
            await ann.get(f"D{HIDDEN}")
        with pytest.raises(StoreReadOnlyError):
            await ann.create("new")
        with pytest.raises(InputError):
            ann.subscribe(print)
        with pytest.raises(InputError):
            ann.using(None)
        counts = await ann.report(lambda reports: reports.funnel("sales").counts())
        both = await ann.seen_by("bob").find("deal")
        with pytest.raises(InputError, match="verify the whole engine"):
            await ann.verify()
        return [deal.id for deal in await ann.find("deal")], counts["new"], both

    assert asyncio.run(ask(filled().store)) == (["D"], 1, [])


def test_awaited_over_a_file_it_is_seen_in_part_as_well(tmp_path: Any) -> None:
    """The same over a store that is asked in threads."""
    with filled(SQLiteStore(tmp_path / "crm.db")) as whole:

        async def ask() -> Any:
            ann = AsyncEngine(*PIPELINES, store=whole.store, organisation=PEOPLE).seen_by("ann")
            free = await ann.find("deal")
            return [deal.id for deal in free], await ann.history(f"D{HIDDEN}")

        assert asyncio.run(ask()) == (["D"], [])
