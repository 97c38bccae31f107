"""What an inquiry says is kept, whoever asked before; and what is no inquiry is not counted as one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from funnelkit import Engine, FrozenClock, Organisation, Person, Pipeline, Source, Stage, money, templates
from funnelkit.people import FirstOf, Group, RoundRobin

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SALES = Pipeline("sales", [Stage("new"), Stage("offer")])
SHOP = Organisation([Person("ann"), Person("bob")], [Group("north", members=["ann", "bob"])])


class Ticking(FrozenClock):
    """A clock that goes on by a second each time it is read."""

    def now(self) -> datetime:
        """Return a later instant each time."""
        self.tick("1s")
        return super().now()


def an_engine(clock: FrozenClock | None = None) -> Engine:
    """Return an engine with one source for leads and one for deals, shared out in turns."""
    return Engine(
        SALES,
        templates.lead_intake(),
        organisation=SHOP,
        clock=clock or FrozenClock(MONDAY),
        sources=[
            Source(id="site", pipeline="lead_intake", owner="ann"),
            Source(id="shop", pipeline="sales", sharing=FirstOf([RoundRobin("north")])),
        ],
    )


def test_what_is_said_again_and_differs_is_kept() -> None:
    """The second inquiry of a card leaves the card as it is, and its own words in the activity."""
    engine = an_engine()
    engine.capture("Ada Lovelace", source="site", email="ada@x.example")
    card = engine.capture(
        "Ada",
        source="site",
        email="ada@x.example",
        value=money(900, "EUR"),
        expected_close=date(2026, 5, 1),
        custom={"seats": 40},
    )
    said = engine.activities(card)[-1].custom["said"]
    assert said == {
        "value": {"amount": "900.00", "currency": "EUR"},
        "expected_close": "2026-05-01",
        "custom": {"seats": 40},
        "name": "Ada",
    }
    assert card.value is None


def test_many_people_may_call_from_one_number() -> None:
    """Names without a common word, and a number alone, are several inquiries; a shorter name is not."""
    engine = an_engine()
    cards = [
        engine.capture(name, source="site", phone="+44 20 7946 0000")
        for name in ("Ada Lovelace", "Charles Babbage", "Ada L.", "Mary Somerville")
    ]
    assert len({card.id for card in cards}) == 3
    assert cards[2].id == cards[0].id


def test_a_deal_made_by_hand_is_no_inquiry() -> None:
    """Without a source, and without who asks, nothing has come in."""
    engine = an_engine()
    ada = engine.create_contact("Ada Lovelace")
    assert engine.activities(engine.create("Acme, 40 seats", contact=ada, owner="ann")) == []


def test_the_inquiry_of_a_deal_names_the_person() -> None:
    """Not what the deal is about."""
    engine = an_engine()
    ada = engine.create_contact("Ada Lovelace")
    deal = engine.create("40 seats", contact=ada, source="shop")
    assert [activity.text for activity in engine.activities(deal)] == ["Ada Lovelace"]


def test_everything_of_one_inquiry_has_one_instant() -> None:
    """The card, the client and the activity, however long it takes to write them down."""
    engine = an_engine(Ticking(MONDAY))
    deal = engine.create("40 seats", source="shop", person="Ada Lovelace", email="ada@x.example")
    client = engine.get(deal.contact)
    instants = {deal.created_at, client.created_at, *(each.at for each in engine.activities(deal))}
    assert len(instants) == 1
    assert instants.pop() - MONDAY < timedelta(minutes=1)


def test_sharing_out_is_done_once_for_a_key() -> None:
    """The second request under the key answers as the first one, though it would be another's turn."""
    engine = an_engine()
    deals = [engine.create(f"deal {n}", source="shop") for n in range(3)]
    first = engine.share(engine.assign(deals[0], ""), key="k1")
    engine.share(engine.assign(deals[1], ""))
    assert engine.share(deals[0].id, key="k1") == first
