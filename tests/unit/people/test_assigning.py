"""Who holds a record: taken by the first, given by a rule, handed over with a trace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.servers import Schemas

from funnelkit import Engine, FrozenClock, Pipeline, Stage, Store, reason_required
from funnelkit.changes import RecordAssigned
from funnelkit.errors import ConflictError, InputError, RefusedError
from funnelkit.intake.source import Source
from funnelkit.people import (
    FirstOf,
    Group,
    LeastBusy,
    Organisation,
    Person,
    PersonalManager,
    Quota,
    RoundRobin,
)
from funnelkit.storage.sqlite import SQLiteStore

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SALES = Pipeline("sales", [Stage("new"), Stage("call"), Stage("offer")])
STRICT = Pipeline("strict", [Stage("new")], rules=reason_required(on="assign"))
NAMES = ("ann", "bob", "eva")


def team(*away: str, **capacity: int) -> Organisation:
    """Return three people who take turns, some of them not available."""
    people = [Person(name, available=name not in away, capacity=capacity.get(name, 30)) for name in NAMES]
    return Organisation(people, [Group("team", members=NAMES)])


def shop(sharing: Any = None, organisation: Organisation | None = None, **more: Any) -> Engine:
    """Return an engine whose inquiries are given out by a rule."""
    source = Source(id="web", owner="eva", sharing=sharing, same_within=timedelta(seconds=1))
    told = {"clock": FrozenClock(MONDAY), "sources": [source], **more}
    return Engine(SALES, STRICT, organisation=organisation or team(), **told)


def race(store: Store, takers: int) -> list[str]:
    """Let many claim one record at the same instant; return who got it."""
    people = [f"p{number:02}" for number in range(takers)]
    engine = Engine(SALES, store=store, organisation=Organisation(map(Person, people)))
    deal, gate = engine.create("free", pipeline="sales"), Barrier(takers)

    def take(person: str) -> str:
        gate.wait(60)
        try:
            return engine.claim(deal.id, actor=person).owner
        except RefusedError as refused:
            told.append(refused)
            return ""

    told: list[RefusedError] = []
    with ThreadPoolExecutor(takers) as pool:
        taken = [owner for owner in pool.map(take, people) if owner]
    holder = engine.get(deal.id).owner
    assert len(told) == takers - 1
    assert {refused.verdict.refusals[0].code for refused in told} == {"taken"}
    assert {refused.verdict.refusals[0].sentence for refused in told} == {f"{holder} has it"}
    assert [type(change) for change in engine.changes(deal)].count(RecordAssigned) == 1
    assert taken == [holder]
    return taken


def test_of_fifty_who_claim_at_once_one_has_it(tmp_path: Path) -> None:
    """In a file exactly one of fifty takes a record; the others are told who has it."""
    with SQLiteStore(tmp_path / "crm.db", durability="fast", timeout=60) as store:
        assert len(race(store, 50)) == 1


def test_of_fifty_who_claim_at_once_on_a_server_one_has_it(schemas: Schemas) -> None:
    """On PostgreSQL exactly one of fifty takes a record; the others are told who has it."""
    from funnelkit.storage.postgres import PostgresStore

    store = PostgresStore(schemas.url, schema=schemas.new(), durability="fast", connections=5)
    try:
        assert len(race(store, 50)) == 1
    finally:
        store.close()


def test_a_claim_is_done_once_under_a_key() -> None:
    """Claimed again under its key, the answer is the same, though somebody else has it meanwhile."""
    engine = shop()
    deal = engine.create("free", pipeline="sales")
    taken = engine.claim(deal.id, actor="ann", key="k")
    engine.assign(deal.id, "bob")
    assert engine.claim(deal.id, actor="ann", key="k") == taken
    assert [type(change) for change in engine.changes(deal)].count(RecordAssigned) == 2


def test_what_one_holds_is_claimed_without_a_change() -> None:
    """Whoever has it already gets it as it is."""
    engine = shop()
    deal = engine.create("mine", pipeline="sales", owner="ann")
    assert engine.claim(deal.id, actor="ann") == deal


def test_who_claims_is_named() -> None:
    """A claim without an actor is refused with how to mend it."""
    engine = shop()
    with pytest.raises(InputError, match='give actor="sam"'):
        engine.claim(engine.create("free", pipeline="sales"))


def test_of_fifty_strangers_nobody_takes_a_record() -> None:
    """Whoever is nobody of the organisation cannot claim, and is told who is meant; one of it can."""
    engine = shop()
    deal = engine.create("free", pipeline="sales")
    for number in range(50):
        with pytest.raises(InputError, match=rf"there is no person 'p{number}'"):
            engine.claim(deal.id, actor=f"p{number}")
    with pytest.raises(InputError, match="did you mean 'ann'"):
        engine.claim(deal.id, actor="anne")
    assert engine.get(deal.id).owner == ""
    assert engine.claim(deal.id, actor="ann").owner == "ann"
    with pytest.raises(RefusedError, match="ann has it"):
        engine.claim(deal.id, actor="bob")


def test_without_an_organisation_the_first_of_anybody_wins() -> None:
    """Where nobody said who works here, everybody may claim, and only one has it."""
    engine = Engine(SALES)
    deal = engine.create("free")
    assert engine.claim(deal.id, actor="p1").owner == "p1"
    with pytest.raises(RefusedError, match="p1 has it"):
        engine.claim(deal.id, actor="p2")


def test_what_has_no_source_cannot_be_shared_out() -> None:
    """The error says so, and what to do."""
    engine = shop(RoundRobin("team"))
    with pytest.raises(InputError, match="'by hand' has no source, so no rule says who gets it"):
        engine.share(engine.create("by hand", pipeline="sales"))


def test_what_somebody_left_behind_can_be_claimed() -> None:
    """A record of somebody who is nobody of the organisation any more is free."""
    engine = shop()
    deal = engine.create("left", pipeline="sales", owner="zoe")
    assert engine.claim(deal, actor="ann").owner == "ann"


def test_a_rule_on_assign_guards_a_claim() -> None:
    """The pipeline wants a reason for every hand-over, so a claim without one is refused."""
    engine = shop()
    deal = engine.create("free", pipeline="strict")
    with pytest.raises(RefusedError, match="reason"):
        engine.claim(deal, actor="ann")
    assert engine.claim(deal, actor="ann", reason="on duty").owner == "ann"


def test_a_claim_of_what_was_changed_meanwhile_says_so() -> None:
    """Who names the version they have seen is told that it is another one by now."""
    engine = shop()
    deal = engine.create("free", pipeline="sales")
    engine.edit(deal, name="another")
    with pytest.raises(ConflictError):
        engine.claim(deal.id, actor="ann", expect=1)


CLAIMS = {
    "free": ({"pipeline": "sales"}, {}, ()),
    "one's own": ({"pipeline": "sales", "owner": "ann"}, {}, ()),
    "left behind": ({"pipeline": "sales", "owner": "zoe"}, {}, ()),
    "taken": ({"pipeline": "sales", "owner": "bob"}, {}, ("taken",)),
    "guarded": ({"pipeline": "strict"}, {}, ("no_reason",)),
    "guarded, with a reason": ({"pipeline": "strict"}, {"reason": "on duty"}, ()),
}


@pytest.mark.parametrize(("made", "said", "codes"), CLAIMS.values(), ids=CLAIMS)
def test_whether_it_can_be_claimed_is_told_before(made: Any, said: Any, codes: tuple[str, ...]) -> None:
    """What `can` says of a claim is what the claim does, and asking changes nothing."""
    engine = shop()
    deal = engine.create("order", **made)
    verdict = engine.can(deal, "claim", actor="ann", **said)
    assert tuple(refusal.code for refusal in verdict.refusals) == codes
    assert engine.get(deal.id) == deal
    if verdict:
        assert engine.claim(deal, actor="ann", **said).owner == "ann"
    else:
        with pytest.raises(RefusedError) as refused:
            engine.claim(deal, actor="ann", **said)
        assert refused.value.verdict.refusals == verdict.refusals


def given(engine: Engine, count: int, **more: Any) -> list[str]:
    """Let inquiries come in, one an hour, and return who got each."""
    owners = []
    for number in range(count):
        engine._shell.clock.tick("1h")  # type: ignore[attr-defined]  # noqa: SLF001
        owners.append(engine.create(f"order {number}", source="web", pipeline="sales", **more).owner)
    return owners


def test_turns_are_taken_in_order_and_begin_anew() -> None:
    """Seven inquiries to three people: one after the other, and from the start again."""
    assert given(shop(RoundRobin("team")), 7) == ["ann", "bob", "eva", "ann", "bob", "eva", "ann"]


def test_whoever_is_not_there_is_left_out_before_the_turn() -> None:
    """With one of three away the others take turns, and nobody gets two in a row."""
    assert given(shop(RoundRobin("team"), team("bob")), 4) == ["ann", "eva", "ann", "eva"]


def test_whoever_comes_back_has_their_turn() -> None:
    """Turns go on from whoever got the last one, in another engine over the same store as well."""
    first = shop(RoundRobin("team"), team("bob"))
    assert given(first, 1) == ["ann"]
    clock = FrozenClock(MONDAY + timedelta(days=1))
    assert given(shop(RoundRobin("team"), store=first.store, clock=clock), 3) == ["bob", "eva", "ann"]


def test_turns_at_one_instant_go_on() -> None:
    """Inquiries that come in at the very same instant go to different people."""
    engine = shop(RoundRobin("team"))
    owners = [engine.create(f"order {n}", source="web", pipeline="sales").owner for n in range(6)]
    assert owners == ["ann", "bob", "eva"] * 2


def test_the_least_busy_gets_the_next() -> None:
    """Open leads and deals count, closed ones do not."""
    engine = shop(LeastBusy("team"))
    for owner in ("ann", "ann", "bob", "bob", "bob", "eva"):
        engine.create("held", owner=owner, pipeline="sales")
    done = engine.find("deal", owner="bob")
    for deal in done[:2]:
        engine.win(deal)
    assert engine.win(engine.find("deal", owner="ann")[0])
    assert given(engine, 4) == ["ann", "bob", "eva", "ann"]


def test_a_quota_is_counted_over_a_day() -> None:
    """30, 60 and 15 in 30 days are 1, 2 and 1 a day; what came in the last 24 hours counts."""
    engine = shop(Quota("team"), team(bob=60, eva=15))
    assert given(engine, 5) == ["bob", "ann", "bob", "eva", ""]
    engine._shell.clock.tick("24h")  # type: ignore[attr-defined]  # noqa: SLF001
    assert given(engine, 1) == ["bob"]


def test_nobody_to_give_it_to_is_written_down() -> None:
    """An inquiry that nobody can take is kept without an owner, and says why."""
    engine = shop(RoundRobin("team"), team(*NAMES))
    deal = engine.create("order", source="web", pipeline="sales")
    assert deal.owner == ""
    why = engine.activities(deal)[0].custom["owner"]
    assert why == "nobody by round robin: none of the 3 in group 'team' is available"


def test_what_nobody_could_take_is_given_out_later() -> None:
    """Sharing it again, when somebody is there, hands it over with the rule and why."""
    away = shop(RoundRobin("team"), team(*NAMES))
    deal = away.create("order", source="web", pipeline="sales")
    assert away.share(deal).owner == ""
    back = shop(RoundRobin("team"), store=away.store)
    assert back.share(deal).owner == "ann"
    assert back.changes(deal)[-1].reason == "round robin"  # type: ignore[attr-defined]


MANAGERS = {
    "the client's manager": ("bob", (), "bob"),
    "who answers for the source, if there is none": ("", (), "eva"),
    "who answers for the source, if the manager is away": ("bob", ("bob",), "eva"),
    "the creator, if nobody else is there": ("bob", ("bob", "eva"), "ann"),
}


@pytest.mark.parametrize(("manager", "away", "owner"), MANAGERS.values(), ids=MANAGERS)
def test_a_new_deal_goes_to_the_personal_manager(manager: str, away: tuple[str, ...], owner: str) -> None:
    """The client's manager comes first, then who answers for the source, then the creator."""
    engine = shop(PersonalManager(), team(*away))
    client = engine.create_contact("Ada", owner=manager)
    deal = engine.create("order", source="web", pipeline="sales", contact=client, actor="ann")
    assert deal.owner == owner


def test_a_company_has_a_manager_for_its_people() -> None:
    """A person nobody manages belongs to the manager of their company."""
    engine = shop(FirstOf([PersonalManager(), RoundRobin("team")]))
    company = engine.create_company("Acme", owner="bob")
    person = engine.create_contact("Ada", company=company)
    assert engine.create("order", source="web", pipeline="sales", contact=person).owner == "bob"


def test_a_day_away_is_a_day_where_the_engine_is() -> None:
    """At 23:30 in London on the 2nd it is the 3rd in Berlin, and who is away on the 3rd gets nothing."""
    away = Person("ann", away=[(date(2026, 3, 3), date(2026, 3, 4))])
    people = Organisation([away, Person("bob")], [Group("team", members=["ann", "bob"])])
    late = FrozenClock(datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    for zone, owner in (("Europe/London", "ann"), ("Europe/Berlin", "bob")):
        engine = shop(RoundRobin("team"), people, clock=late, zone=ZoneInfo(zone))
        assert engine.create("order", source="web", pipeline="sales").owner == owner
