"""One random life in two stores: whatever happens, memory and SQLite say the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from funnelkit import (
    Actor,
    CloseReason,
    Deal,
    Engine,
    Lead,
    MemoryStore,
    Money,
    Pipeline,
    Refusal,
    Stage,
    Transition,
    at_least,
    only_roles,
    reason_required,
    steps_done,
)
from funnelkit import rule as guard
from funnelkit.errors import FunnelkitError
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import amounts, names, readable, sequential_ids

MANAGER = Actor("kim", roles={"manager"})


@guard(on=("move", "win", "edit", "log"))
def not_twice_in_a_minute(history: Any, at: datetime) -> Refusal | None:
    """Refuse what comes within a minute of two moves."""
    if len(history) > 2 and at - history[-2].at < timedelta(minutes=1):
        return Refusal("too_fast", "wait a minute")
    return None


@guard(on=("create", "capture", "convert"))
def no_nonsense(record: Any, contact: Any) -> Refusal | None:
    """Refuse what is marked as nonsense, and strangers whose name begins with a zero."""
    if record.custom.get("nonsense") or (contact is not None and contact.name.startswith("0")):
        return Refusal("nonsense", "this makes no sense", field="custom.nonsense")
    return None


PIPELINES = (
    Pipeline(
        "sales",
        [
            Stage("new", probability=0.1),
            Stage("old", archived=True),
            Stage("offer", requires="value", probability=0.5),
            Stage("contract", rules=at_least(10_000, "EUR")),
        ],
        moves="ordered",
        close_reasons={"lost": [CloseReason("price", "Цена"), "no answer"], "void": "test"},
        rules=[reason_required(on="assign"), only_roles("manager", on="transfer"), no_nonsense],
    ),
    Pipeline("care", [Stage("a"), Stage("b", rules=steps_done("call"), steps="call"), Stage("c")]),
    Pipeline(
        "odd",
        [Stage("x"), Stage("y"), Stage("z")],
        moves=[
            Transition("x", "y", name="up", rules=not_twice_in_a_minute),
            Transition("x", "z", name="up"),
            Transition("*", "x", name="restart"),
            Transition("y", "won", name="sign"),
            Transition("z", "lost", name="give_up"),
        ],
        close_reasons={"lost": "price"},
        rules=not_twice_in_a_minute,
    ),
    Pipeline("intake", [Stage("register"), Stage("assess")], kind="lead", rules=no_nonsense),
    Pipeline(
        "partners",
        [Stage("register"), Stage("talk", steps="call")],
        kind="lead",
        moves="ordered",
        close_reasons={"lost": "junk"},
    ),
)
STAGES = ("new", "old", "offer", "contract", "a", "b", "c", "x", "y", "z", "register", "assess", "talk")
WORDS = (*STAGES, "up", "restart", "sign", "give_up", "won", "nowhere")
VERBS = ("advance", "move", "win", "lose", "void", "reopen", "transfer", "assign", "edit")
START = datetime(2026, 3, 1, tzinfo=UTC)

people = st.sampled_from([None, "sam", "Ёж", MANAGER])
reasons = st.sampled_from(["", "price", "Цена", "no_answer", "no answer", "junk", "test", "because", None])
shifts = st.sampled_from([None, 0, -1, -60, -3600, -86_400, 1, 3600])
keys = st.sampled_from([f"key {number}" for number in range(8)])
plain_acts = st.fixed_dictionaries({}, optional={"actor": people, "reason": reasons, "note": names()})
forced_acts = st.fixed_dictionaries({"actor": people, "reason": reasons, "override": st.sampled_from([True])})
odd_acts = st.fixed_dictionaries(
    {},
    optional={
        "actor": people,
        "reason": reasons,
        "shift": shifts,
        "expect": st.integers(0, 6),
        "key": keys,
        "override": st.booleans(),
    },
)
keyed_acts = st.fixed_dictionaries({"key": keys}, optional={"actor": people, "reason": reasons})
acts = plain_acts | forced_acts | odd_acts | keyed_acts

leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | names()
customs = st.dictionaries(
    st.sampled_from(["size", "terms", "город", "nonsense"]),
    leaves | st.dictionaries(st.sampled_from(["payment", "days"]), leaves) | st.lists(leaves, max_size=2),
    max_size=3,
)
values = st.none() | amounts()
placed_fields = {
    "value": values,
    "probability": st.none() | st.floats(0, 1) | st.sampled_from([0, 1, 20]),
    "expected_close": st.none() | st.dates(min_value=date(1, 1, 1)),
    "source": names(),
    "campaign": names(),
    "custom": customs,
}
said_fields = {"email": names(), "phone": names(), "company_name": names()}
lead_pipelines = st.sampled_from(["intake", "intake", "partners", "sales"])
deal_pipelines = st.sampled_from(["sales", "sales", "care", "odd", "intake", "nothing"])
all_pipelines = st.sampled_from([pipeline.id for pipeline in PIPELINES] + ["nothing"])
new_deals = st.fixed_dictionaries(
    {"pipeline": deal_pipelines},
    optional={**placed_fields, "owner": names(), "stage": st.sampled_from(STAGES), "id": names(5)},
)
new_leads = st.fixed_dictionaries(
    {"pipeline": lead_pipelines},
    optional={**placed_fields, **said_fields, "owner": names(), "stage": st.sampled_from(STAGES)},
)
edits = (
    st.fixed_dictionaries({}, optional={**placed_fields, **said_fields, "name": names(), "owner": names()})
    | st.fixed_dictionaries({"custom": customs})
    | st.fixed_dictionaries({"value": values})
)
picks = st.integers(0, 2**16)
manners = st.sampled_from(["id", "id", "record", "record", "stale"])


chosen = st.lists(st.tuples(picks, manners), max_size=6)
of_bulk = st.fixed_dictionaries(
    {
        "move": st.fixed_dictionaries({"to": st.sampled_from(WORDS)}),
        "transfer": st.fixed_dictionaries({"to": all_pipelines}),
        "assign": st.fixed_dictionaries({"owner": names()}),
    }
)


class Hands:
    """A clock that anybody may set."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self.instant


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
