"""One random life in two stores: whatever happens, memory and SQLite say the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.agreement.lives import (
    MANAGER,
    PIPELINES,
    STAGES,
    START,
    VERBS,
    WORDS,
    Hands,
    acts,
    all_pipelines,
    chosen,
    customs,
    edits,
    manners,
    new_deals,
    new_leads,
    of_bulk,
    picks,
    placed_fields,
    plain_acts,
    values,
)

from funnelkit import Deal, Engine, Lead, MemoryStore, Money
from funnelkit.errors import FunnelkitError
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import amounts, names, readable, sequential_ids


class TwoStores(RuleBasedStateMachine):
    """The same acts in an engine over memory and in one over a SQLite file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Hands()
        self.ids = sequential_ids()
        self.memory = Engine(*PIPELINES, store=MemoryStore(), clock=self.clock, ids=sequential_ids())
        self.sqlite = self.on_file()
        self.seen: dict[str, list[Any]] = {}
        self.keyed: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.keys: set[str] = set()

    def on_file(self) -> Engine:
        """Return an engine on the file, whether it is there or not."""
        store = SQLiteStore(self.folder / "crm.db", durability="fast")
        return Engine(*PIPELINES, store=store, clock=self.clock, ids=self.ids)

    def teardown(self) -> None:
        """Close both, remove the file."""
        self.memory.close()
        self.sqlite.close()
        shutil.rmtree(self.folder)

    # Doing the same in both

    def do(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        """Do a verb in both engines, demand the same answer or the same error; return the answer."""
        if "shift" in kwargs:
            shift = kwargs.pop("shift")
            kwargs["at"] = None if shift is None else self.clock.now() + timedelta(seconds=shift)
        if key := kwargs.get("key"):
            self.keyed.append((verb, args, kwargs))
            self.keys |= {key, *(f"{key}/{id}" for id in self.seen)}
        before = readable(self.memory.store, self.known_keys)
        answers = [self.attempt(engine, verb, args, kwargs) for engine in (self.memory, self.sqlite)]
        assert answers[0] == answers[1]
        assert repr(answers[0]) == repr(answers[1])
        assert str(answers[0]) == str(answers[1])
        if isinstance(answers[0], FunnelkitError):
            assert readable(self.memory.store, self.known_keys) == before
            return None
        return answers[0]

    def attempt(self, engine: Engine, verb: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return what a verb answers or raises."""
        try:
            return getattr(engine, verb)(*args, **kwargs)
        except FunnelkitError as error:
            return error

    @property
    def known_keys(self) -> tuple[str, ...]:
        """Every key that may have been used."""
        return tuple(sorted(self.keys))

    @invariant()
    def both_stores_say_the_same(self) -> None:
        """Everything readable is equal, and both ledgers are sound."""
        state = readable(self.memory.store, self.known_keys)
        assert readable(self.sqlite.store, self.known_keys) == state
        assert self.memory.verify() == ()
        assert self.sqlite.verify() == ()
        for (_, id), record in state["records"].items():
            seen = self.seen.setdefault(id, [])
            if not seen or seen[-1] != record:
                seen.append(record)

    def pick(self, number: int, manner: str, *kinds: type) -> Any:
        """Return one of the records so far: its id, the record, or the record as it once was."""
        fit = [each for each in self.seen.values() if not kinds or isinstance(each[-1], kinds)]
        if not fit:
            return "nobody"
        versions = fit[number % len(fit)]
        if manner == "id":
            return versions[-1].id
        return versions[-1] if manner == "record" else versions[number % len(versions)]

    # Time

    @rule(seconds=st.sampled_from([0, 1, 30, 61, 3_600, 86_400, -1, -7_200]))
    def time_goes_by(self, seconds: int) -> None:
        """The clock goes on, or is set back."""
        self.clock.instant = max(START, self.clock.instant + timedelta(seconds=seconds))

    @rule()
    def the_process_ends_and_starts_again(self) -> None:
        """The file is closed and opened by another engine."""
        self.sqlite.close()
        self.sqlite = self.on_file()

    # New records

    @initialize(value=amounts())
    def something_to_begin_with(self, value: Money) -> None:
        """A client, a lead and two deals."""
        self.do("create_contact", "Ann", email="ann@example.org")
        self.do("create_company", "Acme")
        self.do("capture", "Inquiry", pipeline="intake", company_name="Acme")
        self.do("create", "Forty seats", pipeline="sales", value=value)
        self.do("create", "Repair", pipeline="care")

    @rule(name=names(), fields=new_leads, act=acts)
    def capture(self, name: str, fields: dict[str, Any], act: dict[str, Any]) -> None:
        """A lead comes in."""
        self.do("capture", name, **fields, **act)

    @rule(name=names(), fields=new_deals, act=acts, pick=picks, client=st.booleans())
    def create(self, name: str, fields: dict[str, Any], act: dict[str, Any], pick: int, client: bool) -> None:
        """A deal is made, sometimes for somebody known (or for something that is nobody)."""
        if client:
            fields = {**fields, "contact": self.pick(pick, "id")}
        self.do("create", name, **fields, **act)

    @rule(name=names(), custom=customs, act=acts, email=names())
    def create_parties(self, name: str, custom: Any, act: dict[str, Any], email: str) -> None:
        """A contact and a company are made."""
        self.do("create_company", name, custom=custom, **act)
        self.do("create_contact", name, email=email, **act)

    @rule(
        pick=picks,
        manner=manners,
        becomes=st.fixed_dictionaries(
            {},
            optional={
                "deal": st.sampled_from([True, False, "Named"]),
                "contact": st.sampled_from([True, False, None, "nobody", "known"]),
                "company": st.sampled_from([True, False, None, "nobody", "known"]),
            },
        ),
        details=st.fixed_dictionaries(
            {"pipeline": st.sampled_from(["sales", "care"])},
            optional={"custom": customs, "value": values, "owner": names()},
        ),
        act=acts,
    )
    def convert(
        self, pick: int, manner: str, becomes: dict[str, Any], details: dict[str, Any], act: dict[str, Any]
    ) -> None:
        """A lead becomes something, in any combination."""
        becomes = {
            kind: next((r[-1].id for r in self.seen.values() if type(r[-1]).__name__.lower() == kind), True)
            if target == "known"
            else target
            for kind, target in becomes.items()
        }
        self.do("convert", self.pick(pick, manner, Lead), **becomes, **details, **act)

    # From place to place

    @rule(
        pick=picks,
        manner=manners,
        verb=st.sampled_from(["advance", "win", "lose", "void", "reopen"]),
        act=acts,
    )
    def step(self, pick: int, manner: str, verb: str, act: dict[str, Any]) -> None:
        """A record takes a step."""
        self.do(verb, self.pick(pick, manner, Lead, Deal), **act)

    @rule(pick=picks, manner=manners, to=st.sampled_from(WORDS), number=picks, act=acts)
    def move(self, pick: int, manner: str, to: str, number: int, act: dict[str, Any]) -> None:
        """A record is moved: to a place of its pipeline, by a transition's name, or to nowhere."""
        record = self.pick(pick, "record")
        if isinstance(record, Lead | Deal) and number % 4:
            words = [stage.id for stage in self.memory.pipelines[record.pipeline].stages]
            words += [word for word in ("up", "restart", "sign", "give_up") if record.pipeline == "odd"]
            to = words[number % len(words)]
        self.do("move", self.pick(pick, manner), to, **act)

    @rule(pick=picks, number=picks, act=plain_acts)
    def take_a_way_that_is_open(self, pick: int, number: int, act: dict[str, Any]) -> None:
        """A record does something that ``next`` allows, and that is then done."""
        record = self.pick(pick, "record", Lead, Deal)
        options = self.do("next", record, **act)
        allowed = [option for option in options or () if option.verdict and option.verb != "convert"]
        if allowed:
            option = allowed[number % len(allowed)]
            where = (option.target,) if option.verb == "move" else ()
            assert self.do(option.verb, record, *where, **act) is not None

    @rule(pick=picks, manner=manners, to=all_pipelines, stage=st.none() | st.sampled_from(STAGES), act=acts)
    def transfer(self, pick: int, manner: str, to: str, stage: str | None, act: dict[str, Any]) -> None:
        """A record goes to another pipeline, often by the hand of somebody who may."""
        if pick % 2:
            act, stage = {**act, "actor": MANAGER}, None
        self.do("transfer", self.pick(pick, manner, Lead, Deal), to, stage=stage, **act)

    # In place

    @rule(pick=picks, manner=manners, owner=names(), act=acts)
    def assign(self, pick: int, manner: str, owner: str, act: dict[str, Any]) -> None:
        """A record is handed over."""
        self.do("assign", self.pick(pick, manner), owner, **act)

    @rule(pick=picks, manner=manners, fields=edits, act=acts)
    def edit(self, pick: int, manner: str, fields: dict[str, Any], act: dict[str, Any]) -> None:
        """Fields of a record are changed; some of them it does not have."""
        record = self.pick(pick, "record")
        fields = {name: value for name, value in fields.items() if hasattr(record, name)}
        self.do("edit", self.pick(pick, manner), **fields, **act)

    @rule(
        pick=picks,
        manner=manners,
        said=st.fixed_dictionaries(
            {"kind": names(), "step": st.sampled_from(["", "", "call", "budget"]), "custom": customs}
        ),
        act=acts,
    )
    def log(self, pick: int, manner: str, said: dict[str, Any], act: dict[str, Any]) -> None:
        """Something done is written down."""
        self.do("log", self.pick(pick, manner), **said, **act)

    # Many at once, and again

    @rule(verb=st.sampled_from(VERBS), chosen=chosen, own=of_bulk, fields=edits, act=acts)
    def bulk(
        self, verb: str, chosen: list[Any], own: dict[str, Any], fields: dict[str, Any], act: dict[str, Any]
    ) -> None:
        """One verb is done to many records."""
        refs = [self.pick(number, manner, Lead, Deal) for number, manner in chosen]
        if len(chosen) % 3:  # else one may be named twice
            refs = list({getattr(ref, "id", ref): ref for ref in refs}.values())
        if verb == "edit":
            own = {"edit": {name: value for name, value in fields.items() if name in placed_fields}}
        self.do("bulk", verb, refs, **own.get(verb, {}), **act)

    @precondition(lambda self: self.keyed)
    @rule(pick=picks)
    def again(self, pick: int) -> None:
        """A request that carried a key is made once more."""
        verb, args, kwargs = self.keyed[pick % len(self.keyed)]
        self.do(verb, *args, **kwargs)

    # Asking

    @rule(
        pick=picks,
        manner=manners,
        verb=st.sampled_from([*VERBS, "convert", "log", "dance"]),
        to=st.sampled_from(WORDS),
        act=acts,
    )
    def can(self, pick: int, manner: str, verb: str, to: str, act: dict[str, Any]) -> None:
        """``can`` says the same of everything, and changes nothing."""
        before = readable(self.memory.store)
        self.do("can", self.pick(pick, manner), verb, to, **act)
        assert readable(self.memory.store) == before

    @rule(pick=picks, kind=st.sampled_from(["lead", "deal", "contact", "company"]), owner=names())
    def look(self, pick: int, kind: str, owner: str) -> None:
        """Records are found and read alike."""
        self.do("find", kind, owner=owner)
        self.do("find", kind, limit=2, after=getattr(self.pick(pick, "record"), "id", ""))
        self.do("history", self.pick(pick, "id"))


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(stateful_step_count=40)
