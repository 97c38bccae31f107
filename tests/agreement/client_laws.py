"""What holds of every life of a sales office, computed from what anybody may read, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.agreement.client_lives import END, SHOPS, START, Life

from funnelkit import Money, Store
from funnelkit.errors import NotFoundError
from funnelkit.people import Scope, SplitTarget
from funnelkit.storage.base import KINDS

__all__ = ["LAWS", "Eyes", "eyes", "nobody_sees_outside_the_scope"]

LINKS = {
    "lead": ("contact", "company", "deal"),
    "deal": ("contact", "company", "lead"),
    "contact": ("company",),
    "company": (),
}
"""Kind → the fields that hold the id of another record, which is of the kind that the field is called."""


def everything(store: Store) -> dict[str, Any]:
    """Return every record by its id, those that were merged or taken back, too."""
    return {record.id: record for kind in KINDS for record in store.find(kind, {}, limit=10_000)}


def no_inquiry_without_a_card(life: Life) -> None:
    """What was asked is on record once, on the card that was answered, or on the one that stands for it."""
    records = everything(life.store)
    found: dict[int, list[str]] = {}
    for id in records:
        for entry in life.store.activities(id):
            if entry.kind == "inquiry":
                found.setdefault(entry.custom["origin"]["number"], []).append(id)
    assert found == {number: [card] for number, (_, card) in enumerate(life.inquiries)}
    for number, (told, id) in enumerate(life.inquiries):
        assert records[id].pipeline == ("intake" if told["becomes"] == "lead" else "sales")
        stands = life.engine.get(id)
        assert not stands.replaced_by
        told_of = [entry.custom["origin"]["number"] for entry in inquiries_of(life, stands.id)]
        assert number in told_of, f"inquiry {number} is not on {stands.id}"


def inquiries_of(life: Life, id: str) -> list[Any]:
    """Return the inquiries among the activities of a record."""
    return [entry for entry in life.engine.activities(id) if entry.kind == "inquiry"]


def no_card_twice_for_one_key(life: Life) -> None:
    """Under a key no more than one record of a kind came into being, and an inquiry is the one of its key."""
    rows = life.store.query("SELECT act_key, record_id FROM move WHERE direction = 'create'", {})
    born: dict[str, list[str]] = {}
    for key, id in rows:
        born.setdefault(key, []).append(id)
    for key, ids in born.items():
        assert not key or len(ids) == 1, f"{key} made {ids}"
    for key, number in life.keyed.items():
        card = life.inquiries[number][1]
        assert born.get(key, [card]) == [card]


def no_dependant_orphaned(life: Life) -> None:
    """Whatever a record that stands is linked to is there and stands; all that is about a record finds it."""
    records = everything(life.store)
    for record in records.values():
        if record.replaced_by:
            assert record.replaced_by in records
            continue
        for field in LINKS[type(record).__name__.lower()]:
            target = getattr(record, field)
            if target:
                assert type(records[target]).__name__.lower() == field
                assert not records[target].replaced_by, f"{field} of {record.id} is {target}, which is gone"
    for table in ("move", "activity", "attribute", "change", "match_key"):
        about = {id for (id,) in life.store.query(f"SELECT DISTINCT record_id FROM {table}", {})}
        assert about <= set(records), table
    for id, (number, ledger) in ledgers(life).items():
        assert number == len(ledger) == records[id].moves, f"the moves of {id} are {ledger}"
        assert ledger[-1].target == (records[id].outcome or records[id].stage)


def ledgers(life: Life) -> dict[str, tuple[int, list[Any]]]:
    """Return lead or deal → the number of its last move, and its moves."""
    ids = [record.id for kind in ("lead", "deal") for record in life.store.find(kind, {}, limit=10_000)]
    return {id: (life.store.moves(id)[-1].seq, life.store.moves(id)) for id in ids}


# Who sees what, written down by hand; see PEOPLE

BELOW: dict[str, set[str]] = {"ann": set(), "bob": set(), "eva": {"ann", "bob"}, "kim": {"ann", "bob", "eva"}}
BESIDE = {"ann": {"bob", "eva"}, "bob": {"ann", "eva"}, "eva": set[str](), "kim": set[str]()}
Rule = Callable[[str, str, str], bool]
SEEN: dict[str, tuple[Scope, Rule]] = {
    "own": (Scope.own(), lambda me, owner, _: owner == me),
    "unclaimed": (Scope.unclaimed(), lambda _, owner, __: owner in {"", "gone"}),
    "own and unclaimed": (Scope.own_and_unclaimed(), lambda me, owner, _: owner in {me, "", "gone"}),
    "headed": (Scope.headed(), lambda me, owner, _: owner in BELOW[me]),
    "group": (Scope.group(), lambda me, owner, _: owner in {me} | BELOW[me] | BESIDE[me]),
    "storefront": (Scope.storefront(), lambda _, __, source: SHOPS.get(source) == "berlin"),
    "own and the shop": (
        Scope.own() | Scope.storefront(),
        lambda me, owner, source: owner == me or SHOPS.get(source) == "berlin",
    ),
    "own and unclaimed of the shop": (
        Scope.own() | Scope.unclaimed() & Scope.storefront(),
        lambda me, owner, source: owner == me or (owner in {"", "gone"} and SHOPS.get(source) == "berlin"),
    ),
    "everything": (Scope.everything(), lambda _, __, ___: True),
}


Eyes = tuple[str, str]
eyes = st.tuples(st.sampled_from(sorted(BELOW)), st.sampled_from(sorted(SEEN)))
"""Who looks, and with which scope."""


def nobody_sees_outside_the_scope(life: Life, looking: Eyes) -> None:
    """What somebody reads is all of what they may see; what is hidden is as if it were not there."""
    person, (scope, may) = looking[0], SEEN[looking[1]]
    records = everything(life.store)
    seen = life.engine.seen_by(person, scope, storefronts=["berlin"])
    visible = {id for id, record in records.items() if may(person, record.owner, record.source)}
    for kind in KINDS:
        wanted = [id for id in sorted(visible) if isinstance(records[id], KINDS[kind])]
        assert [record.id for record in seen.store.find(kind, {})] == wanted
        listed = [id for id in wanted if kind in {"lead", "deal"} or not records[id].replaced_by]
        assert pages(seen, kind) == listed
    for table in ("move", "activity", "attribute", "change", "match_key"):
        sql = f"SELECT DISTINCT record_id FROM {table}"
        about = {id for (id,) in life.store.query(sql, {})}
        assert {id for (id,) in seen.store.query(sql, {})} == about & visible
    funnel = seen.funnel("sales")
    assert {id for row in funnel.rows for id in funnel.ids(row.stage)} <= visible
    assert {change.record for change in seen.changes(limit=10_000)} <= visible
    for id in set(records) - visible:
        with pytest.raises(NotFoundError):
            seen.get(id)
        assert (seen.history(id), seen.activities(id), seen.changes(id)) == ([], [], [])
    for id in visible:
        assert {entry.record for entry in seen.activities(id)} <= visible
        assert type(records[id]).__name__ not in {"Contact", "Company"} or profile(seen, id) <= visible


def pages(engine: Any, kind: str) -> list[str]:
    """Return the ids of a list, read in pages of three until one is not full."""
    found: list[str] = []
    while len(found) % 3 == 0 and (page := engine.find(kind, after=found[-1] if found else "", limit=3)):
        found += [record.id for record in page]
    return found


def profile(seen: Any, id: str) -> set[str]:
    """Return the ids of all that a profile tells of."""
    try:
        client = seen.client(id)
    except NotFoundError:  # it was merged into one that is hidden
        return set()
    parts = [client.record, client.company, *client.contacts, *client.leads, *client.deals]
    return {part.id for part in parts if part} | {entry.record for entry in client.activities}


def split_targets_sum_up(life: Life) -> None:
    """Parts sum to the whole on every level, now and by any day; what was reached is what was won."""
    wins = [
        life.store.moves(deal.id)[-1] for deal in life.store.find("deal", {"outcome": "won"}, limit=10_000)
    ]
    won = [(win.owner, win.value) for win in wins if win.at.date() < END]  # as it was then
    for plan in life.plans:
        for _, part in plan.walk():
            assert not part.parts or summed(each.target.amount for each in part.parts) == one(part.amount())
        for day in (0, 1, 17, 59, 60):
            planned = plan.plan_at((START + timedelta(day)).date())
            for way, part in plan.walk():
                if part.parts:
                    assert summed(planned[*way, each.name] for each in part.parts) == one(planned[way])
        for row in life.engine.achieved(plan, END).rows:
            whose = holders(plan.part(row.names)) if row.names else set(dict(won))
            theirs = [value for owner, value in won if owner in whose]
            if isinstance(row.fact, Money):
                assert row.fact.minor == summed(value for value in theirs if value)
            else:
                assert row.fact == len(theirs)


def holders(part: SplitTarget) -> set[str]:
    """Return who works for a part: the members of the group, whoever its parts are for, or it itself."""
    if part.name == "north":
        return {"ann", "bob"}
    return set[str]().union(*map(holders, part.parts)) if part.parts else {part.name}


def one(amount: Any) -> int:
    """Return how many units an amount has."""
    return amount.minor if isinstance(amount, Money) else int(amount)


def summed(amounts: Iterable[Any]) -> int:
    """Return how many units amounts have together."""
    return sum(map(one, amounts))


LAWS = (
    no_inquiry_without_a_card,
    no_card_twice_for_one_key,
    no_dependant_orphaned,
    split_targets_sum_up,
)
