"""Small random worlds to merge records in, and everything that is to be read of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
from hypothesis import strategies as st

from funnelkit import Company, Contact, Deal, Engine, FrozenClock, Lead, Pipeline, Stage, Store, money
from funnelkit.clients.merging import DEPENDANTS, Merge, MergeRule
from funnelkit.errors import RefusedError
from funnelkit.storage.base import KINDS, Kind
from funnelkit.testing import sequential_ids

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SALES = Pipeline(
    "sales",
    [Stage("new", probability=0.1), Stage("offer", probability=0.5), Stage("contract")],
    close_reasons={"lost": ["price", "no answer"], "void": ["duplicate", "test"]},
)
CARE = Pipeline("care", [Stage("ticket"), Stage("visit")])
INTAKE = Pipeline("intake", [Stage("register"), Stage("assess")], kind="lead")
PIPELINES = (SALES, CARE, INTAKE)

words = st.sampled_from(["", "", "Ann", "Ёж", "two\nlines", "two"])
customs = st.dictionaries(
    st.sampled_from(["note", "size", "город"]),
    st.sampled_from([None, "", "a\nb", "b\nc", 1, True, 0, 2.5, [1, True], {"days": 14}]),
    max_size=2,
)
common = {"owner": words, "source": words, "custom": customs}
placed = {
    **common,
    "value": st.sampled_from([None, money(5, "EUR"), money(7, "EUR"), money(7, "JPY")]),
    "probability": st.sampled_from([None, 0.0, 0.3, 1]),
    "expected_close": st.sampled_from([None, date(2026, 4, 1), date(2026, 5, 1)]),
    "campaign": words,
}
reach = {
    "email": st.sampled_from(["", "ann@acme.example", "bo@acme.example"]),
    "phone": st.sampled_from(["", "+442079460000", "+442079460001"]),
}
picks = st.integers(0, 5)
names = st.sampled_from(["Ann", "Bo", "Acme"])
fields: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "company": st.fixed_dictionaries({"name": names}, optional=common),
    "contact": st.fixed_dictionaries({"name": names, "company": picks}, optional={**common, **reach}),
    "lead": st.fixed_dictionaries(
        {"name": names, "company": picks, "contact": picks},
        optional={**placed, **reach, "company_name": words},
    ),
    "deal": st.fixed_dictionaries(
        {"name": names, "company": picks, "contact": picks, "pipeline": st.sampled_from(["sales", "care"])},
        optional=placed,
    ),
}
acts = st.tuples(
    st.sampled_from(
        ["advance", "advance", "lose", "void", "win", "reopen", "convert", "convert", "edit", "log", "wait"]
    ),
    picks,
    picks,
)
precedences = st.fixed_dictionaries(
    {},
    optional={
        "owner": st.sampled_from(["newest", "survivor"]),
        "value": st.sampled_from(["newest", "largest"]),
        "name": st.just("joined"),
        "custom.note": st.sampled_from(["joined", "newest"]),
        "custom.size": st.just("largest"),
        "contact": st.just("newest"),
        "source": st.just("newest"),
    },
)
criteria = st.sampled_from(["won", "open", "furthest", "probability", "oldest", "newest", "filled"])
rules = st.builds(MergeRule, fields=precedences) | st.builds(
    MergeRule, survivor=st.lists(criteria, max_size=3), fields=precedences
)


class World:
    """An engine on a store, with some records of each kind that random acts were done to."""

    def __init__(self, data: st.DataObject, store: Store | None) -> None:
        self.clock = FrozenClock(START)
        self.engine = Engine(
            *PIPELINES,
            store=store,
            clock=self.clock,
            ids=sequential_ids(),
            sealed=data.draw(st.booleans(), "sealed"),
        )
        self.data = data
        self.ids: dict[str, list[str]] = {kind: [] for kind in ("company", "contact", "lead", "deal")}
        for kind in self.ids:
            for given in data.draw(st.lists(fields[kind], min_size=2, max_size=4), kind):
                self.make(kind, dict(given))
        for verb, number, other in data.draw(st.lists(acts, max_size=12), "acts"):
            self.act(verb, number, other)

    def make(self, kind: str, given: dict[str, Any]) -> None:
        """Make a record whose links are numbers of records."""
        for link in ("company", "contact"):
            if link in given:
                ids = ["", *self.ids[link]]
                given[link] = ids[given[link] % len(ids)]
        verb = {"lead": "capture", "deal": "create"}.get(kind, f"create_{kind}")
        record = getattr(self.engine, verb)(given.pop("name"), **given)
        self.ids[kind].append(record.id)
        self.clock.tick(timedelta(minutes=self.data.draw(st.integers(1, 100), "minutes")))

    def act(self, verb: str, number: int, other: int) -> None:
        """Do something; what the gate refuses is not done."""
        engine, deals, leads = self.engine, self.ids["deal"], self.ids["lead"]
        placed = [*deals, *leads]
        id = placed[number % len(placed)]
        try:
            if verb == "convert":
                self.convert(leads[number % len(leads)], deals[other % len(deals)] if other % 2 else "")
            elif verb == "edit":
                engine.edit(id, campaign=f"campaign {other}", custom={"size": other})
            elif verb == "log":
                engine.log(id, "call", "звонок")
            elif verb == "wait":
                self.clock.tick(timedelta(days=other + 1))
            else:
                getattr(engine, verb)(id, reason={"lose": "price", "void": "test"}.get(verb))
        except RefusedError:
            pass
        self.clock.tick(timedelta(minutes=1))

    def convert(self, lead: str, deal: str) -> None:
        """Convert a lead, into an open deal if one is named."""
        engine: Any = self.engine
        known = engine.get(deal) if deal else None
        if known and not known.is_open:
            return
        made = engine.apply(engine.plan_conversion(lead, deal=known, pipeline=None if deal else "sales"))
        if known:  # reports tell of a source that was filled in from the next move on
            stages = [stage.id for stage in engine.pipelines[made.deal.pipeline].stages]
            engine.move(made.deal, next(stage for stage in stages if stage != made.deal.stage))
        for kind in ("company", "contact", "deal"):
            record = getattr(made, kind)
            if record is not None and record.id not in self.ids[kind]:
                self.ids[kind].append(record.id)

    def some(self, kind: str) -> list[str]:
        """Return the ids of two or three records of a kind that stand."""
        ids = [id for id in self.ids[kind] if not self.stored(kind, id).replaced_by]
        return self.data.draw(st.lists(st.sampled_from(ids), min_size=2, max_size=3, unique=True), "merged")

    def stored(self, kind: Any, id: str) -> Any:
        """Return a record as it is in the store, a tombstone, too."""
        return self.engine.store.get(kind, id)

    def records(self) -> dict[str, Any]:
        """Return every record by its id."""
        return {id: self.stored(kind, id) for kind, ids in self.ids.items() for id in ids}


def orphans(world: World) -> list[str]:
    """Return who holds the id of a record that another one stands for."""
    records = world.records()
    held: list[tuple[Kind, Kind, str]] = [
        (kind, holder, field) for kind in KINDS for holder, field in DEPENDANTS[kind]
    ]
    return [
        f"{record.id}.{field}"
        for kind, holder, field in held
        for record in records.values()
        if isinstance(record, KINDS[holder])
        and (target := getattr(record, field))
        and records[target].replaced_by
        and records[target].replaced_by in world.ids[kind]
        and not record.replaced_by
    ]


WHEN = {"version": 0, "updated_at": START}
PASSAGE: dict[str, Any] = {"entered_at": START, "moves": 0, "visited": (), "seal": ""}


def without_traces(record: Lead | Deal | Contact | Company, merge: Merge | None) -> Any:
    """Return a record without its version; of a loser without what its two moves have left.

    Those are the numbers of moves, the seal, when it entered its place, and that it once was void; and of
    one that had ended, when it ended and who said so.
    """
    record = attrs.evolve(record, **WHEN)
    lost = merge is not None and record.id in {loser.id for loser in merge.losers}
    if not lost or not isinstance(record, Lead | Deal):
        return record
    visited = tuple(place for place in record.visited if place != "void")
    close = record.close and attrs.evolve(record.close, at=START, by="")
    return attrs.evolve(record, **(PASSAGE | {"visited": visited, "close": close}))


def links(world: World) -> dict[str, list[str]]:
    """Return what is found by each link of each record."""
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        for holder, field in DEPENDANTS[kind]:
            for id in world.ids[kind]:
                where: Any = {field: id}
                found[f"{id} {holder}.{field}"] = [each.id for each in world.engine.find(holder, **where)]
    return found


def profiles(world: World) -> dict[str, Any]:
    """Return what is known of each client, without the journals of merges."""
    told: dict[str, Any] = {}
    for id in (*world.ids["contact"], *world.ids["company"]):
        client = world.engine.client(id)
        belongs = (client.contacts, client.leads, client.deals, client.orders, client.lost)
        told[id] = (
            client.record.id,
            [sorted(record.id for record in records) for records in belongs],
            [entry.id for entry in client.activities if entry.kind not in {"merge", "undo"}],
            (client.first_purchase, client.last_purchase, client.won, client.pending),
        )
    return told


def candidates(world: World) -> dict[str, set[str]]:
    """Return who may be the same as each record."""
    return {
        id: {candidate.record.id for candidate in world.engine.candidates(id)}
        for kind in ("lead", "contact", "company")
        for id in world.ids[kind]
    }


def reports(world: World, by: str | None) -> dict[str, Any]:
    """Return what every report says that does not measure stays."""
    asked = world.engine.analytics
    told: dict[str, Any] = {}
    for pipeline in ("sales", "intake"):
        for definition in ("reached", "visited", "bitrix24", "ordered", "closed"):
            of_end = definition == "closed" and by == "month"  # a loser that is lost again is so today
            funnel = asked.funnel(pipeline, definition=definition, by=None if of_end else by)
            told[f"{pipeline} {definition}"] = (funnel.to_dicts(), funnel.void)
        told[f"{pipeline} cohorts"] = asked.cohort_win_rate(pipeline, by=by).to_dicts()
        told[f"{pipeline} stock"] = asked.potential(pipeline, by=by).to_dicts()
        told[f"{pipeline} wins"] = asked.win_rate(pipeline).to_dicts()
        told[f"{pipeline} losses"] = asked.loss_reasons(pipeline).to_dicts()
        told[f"{pipeline} people"] = asked.people(pipeline).to_dicts()
    # Not of leads: a converted one that loses is converted again as of the undo.
    told["days"] = asked.days_to_win("sales").to_dicts()
    return told


def matrix(world: World) -> dict[str, dict[tuple[str, str], int]]:
    """Return pipeline → (left, entered) → moves."""
    asked = world.engine.analytics
    return {
        pipeline: {(row.source, row.target): row.count for row in asked.transitions(pipeline).rows}
        for pipeline in ("sales", "care", "intake")
    }
