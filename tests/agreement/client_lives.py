"""A life of a sales office: inquiries, duplicates, conversions, merges, undoing, claims, imports, targets.

A life is a list of acts, so the same one is lived in any store. What was asked for is kept beside the
store, and the laws compare the two.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from funnelkit import Deal, Engine, FrozenClock, Money, Pipeline, Stage, Store, money
from funnelkit.clients.schemes import CLIENT_FIRST, COMES_AGAIN, FROM_CLIENT, QUICK_SALE
from funnelkit.errors import RefusedError
from funnelkit.intake.source import Source
from funnelkit.people import Group, Organisation, Person, RoundRobin, SplitTarget, Target
from funnelkit.storage.base import KINDS
from funnelkit.tables.importing import import_table
from funnelkit.tables.presets import simple
from funnelkit.testing import readable, sequential_ids

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = START.date() + timedelta(60)
SALES = Pipeline(
    "sales",
    [Stage("new"), Stage("offer"), Stage("contract")],
    close_reasons={"lost": ["price"], "void": ["duplicate", "test"]},
)
INTAKE = Pipeline(
    "intake",
    [Stage("register"), Stage("assess")],
    kind="lead",
    close_reasons={"lost": ["junk"], "void": ["duplicate", "test"]},
)
PIPELINES = (SALES, INTAKE)
PEOPLE = Organisation(
    [Person("ann"), Person("bob"), Person("eva", available=False), Person("kim")],
    [Group("north", members=["ann", "bob"], head="eva", within="all"), Group("all", head="kim")],
)
SHOPS = {"site": "berlin", "phone": "paris", "fair": ""}
SOURCES = (
    Source(id="site", channel="form", storefront="berlin", owner="ann", same_within="2d"),
    Source(id="phone", channel="phone", storefront="paris", sharing=RoundRobin("north"), same_within="2d"),
    Source(id="fair", same_within="0d"),
)
MAPPINGS = {
    "lead": simple.leads(zone="UTC"),
    "deal": simple.deals(zone="UTC", currency="EUR", decimal="."),
    "contact": simple.contacts(zone="UTC"),
    "company": simple.companies(zone="UTC"),
}

ANYBODY = (
    {"name": "Ada Lovelace", "email": "ada@acme.example", "company_name": "Acme"},
    {"name": "Lovelace Ada", "email": "ADA@acme.example", "phone": "+442079460000"},
    {"name": "Ada", "phone": "+442079460000"},
    {"name": "Bob Ёж", "email": "bob@bolt.example", "phone": "+442079460001", "company_name": "Bolt Ltd"},
    {"name": "Bob", "phone": "+442079460001"},
    {"name": "Eve", "email": "ada@acme.example"},
    {"name": "?"},
)
picks = st.integers(0, 30)
names = sorted(PEOPLE.ids)
owners = st.sampled_from([*names, "", "gone"])


def act(verb: str, **told: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw one act."""
    return st.fixed_dictionaries({"verb": st.just(verb), **told})


inquiries = act(
    "inquire",
    becomes=st.sampled_from(["lead", "lead", "deal"]),
    who=st.integers(0, len(ANYBODY) - 1),
    source=st.sampled_from(["site", "site", "phone", "fair"]),
    about=st.sampled_from(["Roof", "Barn"]),
    key=st.sampled_from(["", "", "k1", "k2", "k3"]),
    by=st.sampled_from(names),
)
conversions = act(
    "convert",
    record=picks,
    scheme=st.sampled_from([None, None, CLIENT_FIRST, QUICK_SALE, COMES_AGAIN, FROM_CLIENT]),
    key=st.sampled_from(["", "", "c1", "c2"]),
)
merges = act(
    "merge",
    kind=st.sampled_from(["lead", "deal", "contact", "company"]),
    records=st.lists(picks, min_size=2, max_size=3),
)
steps = act("step", record=picks, how=st.sampled_from(["advance", "win", "win", "lose", "void", "reopen"]))
cells = {
    "id": st.sampled_from(["1", "2", "3", "4", ""]),
    "name": st.sampled_from(["Ada Lovelace", "Bob Ёж", "Acme", "ACME Ltd", ""]),
    "email": st.sampled_from(["", "ada@acme.example", "bob@bolt.example", "eve@x.example"]),
    "phone": st.sampled_from(["", "+442079460000", "8"]),
    "company": st.sampled_from(["", "Acme", "Bolt Ltd"]),
    "owner": owners,
    "source": st.sampled_from(["", "site", "fair"]),
    "stage": st.sampled_from(["", "new", "offer", "won", "sold"]),
    "value": st.sampled_from(["", "10.50", "seven"]),
}
imports = act(
    "import_table",
    kind=st.sampled_from(["contact", "contact", "deal", "company", "lead"]),
    rows=st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=5),
    batch=st.integers(1, 3),
)
weights = st.dictionaries(
    st.sampled_from(["ann", "bob", "eva", "kim", "north"]), st.integers(1, 9), min_size=1
)
targets = act(
    "target",
    how=st.sampled_from(["split", "resplit", "within", "amount"]),
    weights=weights,
    amount=st.integers(1, 1_000),
)
deeds = [
    *[inquiries, conversions, conversions, merges, merges, steps, imports, targets],
    act("undo", done=picks),
    act("merge_found", kind=st.sampled_from(["lead", "contact", "company"])),
    act("claim", record=picks, by=st.sampled_from(names)),
    act("assign", record=picks, owner=owners),
    act("share", record=picks),
    act("wait", hours=st.integers(1, 60)),
]
lives = st.builds(
    list.__add__,
    st.lists(inquiries | imports, min_size=6, max_size=8),
    st.lists(st.one_of(deeds), min_size=12, max_size=24),
)
Act = dict[str, Any]


class Life:
    """An engine on a store, what was asked of it, and what it answered."""

    def __init__(self, store: Store) -> None:
        self.clock = FrozenClock(START)
        self.engine = Engine(
            *PIPELINES,
            store=store,
            clock=self.clock,
            ids=sequential_ids(),
            organisation=PEOPLE,
            sources=SOURCES,
        )
        self.store = store
        self.inquiries: list[tuple[Act, str]] = []
        """Each inquiry once, with the id of its card; its place is the number that it carries."""
        self.keyed: dict[str, int] = {}
        """Key → the inquiry that was made under it."""
        self.done: list[str] = []
        march: Any = {"id": "march", "pipeline": "sales", "since": START.date(), "until": END}
        self.plans = [
            SplitTarget(Target(**march, measure="count", amount=100)),
            SplitTarget(Target(**march, measure="sum", amount=money("99.99", "EUR"))),
        ]
        """One target of deals, and one of money."""

    def live(self, life: list[Act]) -> list[Any]:
        """Do every act and return what came of each: a value, or the words of a refusal."""
        return [self._lived(dict(each)) for each in life]

    def _lived(self, told: Act) -> Any:
        self.clock.tick(timedelta(minutes=7))
        verb: Callable[..., Any] = getattr(self, told.pop("verb"))
        try:
            return verb(**told)
        except RefusedError as refused:
            return str(refused)

    # What there is

    def ids(self, *kinds: Any) -> list[str]:
        """Return the ids of the records that stand for themselves."""
        return [
            record.id
            for kind in kinds or KINDS
            for record in self.store.find(kind, {}, limit=1_000)
            if not record.replaced_by
        ]

    def picked(self, number: int, *kinds: Any) -> str:
        """Return one of these ids; one that nobody has where there are none."""
        ids = self.ids(*kinds)
        return ids[number % len(ids)] if ids else ""

    # What is done

    def wait(self, hours: int) -> None:
        """Let time go by."""
        self.clock.tick(timedelta(hours=hours))

    def inquire(self, key: str, **told: Any) -> Any:
        """Somebody asks; under a key that is known, the same is asked once more."""
        if key in self.keyed:
            told, before = self.inquiries[self.keyed[key]]
            again = self._asked(self.keyed[key], key, **told)
            assert again == before, f"the inquiry of {key} became {before}, and then {again}"
            return again
        number = len(self.inquiries)
        card = self._asked(number, key, **told)
        self.inquiries.append((told, card))
        if key:
            self.keyed[key] = number
        return card

    def _asked(
        self, number: int, key: str, *, becomes: str, who: int, source: str, about: str, by: str
    ) -> str:
        said: Act = {**ANYBODY[who], "source": source, "origin": {"number": number}, "actor": by}
        said |= {"key": key} if key else {}
        name = said.pop("name")
        try:
            if becomes == "lead":
                return self.engine.capture(name, **said).id
            return self.engine.create(about, person=name, value=money(number + 1, "EUR"), **said).id
        except RefusedError as refused:  # no rule of these pipelines is about inquiries
            raise AssertionError(f"inquiry {number} was refused: {refused}") from refused

    def convert(self, record: int, scheme: Any, key: str) -> Any:
        """Convert a lead by a plan; under a key, once."""
        id = self.picked(record, "lead")
        if not id or (key and key in self.store_keys()):
            return None
        plan = self.engine.plan_conversion(id, scheme=scheme, pipeline="sales")
        made = self.engine.apply(plan, **({"key": key} if key else {}))
        if made.id:
            self.done.append(made.id)
        return made

    def store_keys(self) -> set[str]:
        """Return the keys that were used."""
        return {key for (key,) in self.store.query("SELECT act_key FROM idempotency", {})}

    def merge(self, kind: str, records: list[int]) -> Any:
        """Merge two or three records of a kind."""
        some = list(dict.fromkeys(self.picked(number, kind) for number in records))
        return self._merged(some) if len(some) > 1 else None

    def merge_found(self, kind: str) -> Any:
        """Merge the first group of duplicates that is found."""
        groups = list(self.engine.duplicates(kind))
        return self._merged(list(groups[0])[:3]) if groups else None

    def _merged(self, some: list[str]) -> Any:
        made = self.engine.apply(self.engine.plan_merge(some))
        self.done.append(made.id)
        return made

    def undo(self, done: int) -> Any:
        """Take a conversion or a merge back, if nothing came of it."""
        return self.engine.undo(self.done[done % len(self.done)]) if self.done else None

    def claim(self, record: int, by: str) -> Any:
        """Somebody takes a lead or deal: what is free is theirs, what somebody has is not."""
        id = self.picked(record, "lead", "deal")
        if not id:
            return None
        known: Any = self.engine.get(id)
        held = known.owner in {*names} - {by}
        try:
            taken: Any = self.engine.claim(id, actor=by)
        except RefusedError as refused:
            if known.is_open and not held:
                raise AssertionError(f"{id} is free, and yet: {refused}") from refused
            raise
        assert not held, f"{by} took {id} from {known.owner}"
        assert taken.owner == by == self.engine.get(id).owner
        return taken

    def assign(self, record: int, owner: str) -> Any:
        """Hand a record over."""
        id = self.picked(record)
        return self.engine.assign(id, owner) if id else None

    def share(self, record: int) -> Any:
        """Give a record that came by phone to whoever is next."""
        id = self.picked(record, "lead", "deal")
        return self.engine.share(id) if id and self.engine.get(id).source == "phone" else None

    def step(self, record: int, how: str) -> Any:
        """A record takes a step."""
        id = self.picked(record, "lead", "deal")
        if not id:
            return None
        of_deals = type(self.engine.get(id)) is Deal
        why = {"lose": "price" if of_deals else "junk", "void": "test"}.get(how, "")
        return getattr(self.engine, how)(id, reason=why)

    def import_table(self, kind: str, rows: list[dict[str, str]], batch: int) -> Any:
        """Import a file, and import it again: that changes nothing."""
        told: Any = {"batch": batch, "actor": "kim"}
        report = import_table(self.engine, file_of(rows), MAPPINGS[kind], **told)
        before = readable(self.store)
        again = import_table(self.engine, file_of(rows), MAPPINGS[kind], **told)
        assert readable(self.store) == before, f"a second import did something: {again}"
        assert (again.created, again.filled, again.companies, again.bad) == (0, 0, 0, report.bad)
        return report

    def target(self, **told: Any) -> Any:
        """Split the targets, or parts of them, or change them."""
        self.plans = [changed(plan, **told) for plan in self.plans]
        return [str(plan) for plan in self.plans]


def changed(plan: SplitTarget, how: str, weights: dict[str, int], amount: int) -> SplitTarget:
    """Return a target that is split, or split anew, or another one."""
    parts = [part.name for part in plan.parts]
    if how == "amount" and not any(part.fixed for _, part in plan.walk()):
        return plan.with_amount(money(amount, "EUR") if isinstance(plan.amount(), Money) else amount)
    if how == "within" and parts:
        return plan.split(weights, parts[0])
    if how == "resplit" and parts:
        return plan.resplit({**weights, "kim": 1}, fixed=sorted({*parts} - {*weights, "kim"}))
    return plan.split(weights)


def file_of(rows: list[dict[str, str]]) -> io.BytesIO:
    """Return rows as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return io.BytesIO(text.getvalue().encode())
