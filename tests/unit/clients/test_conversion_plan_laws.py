"""Laws of conversions over random worlds: plan and apply are convert, undo is the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from tests.servers import Schemas

from funnelkit import (
    Engine,
    FrozenClock,
    Lead,
    MemoryStore,
    Pipeline,
    PostgresStore,
    Refusal,
    SQLiteStore,
    Stage,
    Store,
    money,
    rule,
)
from funnelkit.clients.schemes import UNSEARCHED, USUAL, FieldMap, Scheme
from funnelkit.errors import FunnelkitError, RefusedError
from funnelkit.storage.base import KINDS
from funnelkit.testing import readable, sequential_ids

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EMAILS = ("", "", "ann@a.example", "bob@b.example")
NAMES = ("Ann", "Bob", "Ann Lee")
COMPANIES = ("", "", "Acme", "ACME Ltd", "Umbrella")
OWNERS = ("", "sam", "kim")
CUSTOM = ({}, {"size": 40}, {"size": None, "deep": {"a": 1}}, {"mail2": "two@a.example"})
OTHER_MAP = FieldMap(
    {
        "contact": {"email": ("email", "custom.mail2"), "custom.size": ("custom.size",)},
        "company": {"owner": ()},
    }
)


@rule(on=("create", "convert", "edit", "assign"), name="not_blue")
def not_blue(record: Any, edits: Any) -> Refusal | None:
    """Refuse what has to do with blue."""
    return Refusal("blue", "no blue") if record.custom.get("size") == 13 else None


class World:
    """An engine with some clients, a deal and a lead, made of drawn data."""

    def __init__(self, drawn: dict[str, Any], store: Store | None = None) -> None:
        self.clock = FrozenClock(NOON)
        self.engine = Engine(
            Pipeline("sales", [Stage("new"), Stage("offer")], rules=not_blue),
            Pipeline("in", [Stage("r"), Stage("s")], kind="lead", rules=not_blue),
            store=store or MemoryStore(),
            clock=self.clock,
            ids=sequential_ids(),
        )
        engine = self.engine
        self.companies = [engine.create_company(**fields) for fields in drawn["companies"]]
        self.contacts = [engine.create_contact(**self.person(*one)) for one in drawn["contacts"]]
        self.deals = [engine.create("Seats", **fields) for fields in drawn["deals"]]
        fields = dict(drawn["lead"])
        for kind, known in (("contact", self.contacts), ("company", self.companies)):
            if fields.pop(f"linked_{kind}") and known:
                fields[kind] = known[0]
        self.lead = engine.capture(**fields)
        self.clock.tick("1h")

    def person(self, fields: dict[str, Any], works: bool) -> dict[str, Any]:
        """Return the fields of a contact, who works for the first company if there is one."""
        return {**fields, "company": self.companies[0]} if works and self.companies else fields

    def targets(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return what the lead is to become, existing records by their number."""
        known = {"deal": self.deals, "contact": self.contacts, "company": self.companies}
        return {
            kind: known[kind][0] if target == "existing" else target
            for kind, target in told.items()
            if target != "existing" or known[kind]
        }


def _some(**fields: tuple[Any, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in fields.items()})


worlds = st.fixed_dictionaries(
    {
        "companies": st.lists(_some(name=("Acme", "Umbrella"), owner=OWNERS, custom=CUSTOM), max_size=2),
        "contacts": st.lists(
            st.tuples(_some(name=NAMES, email=EMAILS, custom=CUSTOM), st.booleans()), max_size=3
        ),
        "deals": st.lists(_some(owner=OWNERS, value=(None, money(7, "EUR")), custom=CUSTOM), max_size=1),
        "lead": _some(
            name=NAMES,
            email=EMAILS,
            company_name=COMPANIES,
            phone=("", "+7 900 000-00-00"),
            owner=OWNERS,
            value=(None, money(500, "EUR")),
            probability=(None, 0.0, 0.5),
            campaign=("", "spring"),
            custom=(*CUSTOM, {"size": 13}),
            linked_contact=(False, False, True),
            linked_company=(False, False, True),
        ),
    }
)
targets = _some(
    deal=(None, True, False, "Forty seats", "existing"),
    contact=(None, True, False, "existing"),
    company=(None, True, False, "existing"),
)
some_schemes = st.sampled_from(
    [
        UNSEARCHED,
        USUAL,
        Scheme(id="other", fields=OTHER_MAP),
        Scheme(id="known", contact="known", company="known"),
        Scheme(id="client", deal="none"),
    ]
)
often = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def attempt(act: Any) -> Any:
    """Return what an act answers, or its error."""
    try:
        return act()
    except FunnelkitError as error:
        return error


@often
@given(worlds, targets)
def test_plan_then_apply_is_convert(drawn: dict[str, Any], told: dict[str, Any]) -> None:
    """With nobody looked for, a plan that is applied leaves the store as ``convert`` does, or both fail."""
    one, other = World(drawn), World(drawn)
    deal = told["deal"]
    assume(deal != "existing")  # ``convert`` knows no existing deal but by its id
    done = attempt(lambda: one.engine.convert(one.lead, **_for_convert(one.targets(told))))
    planned = attempt(
        lambda: other.engine.apply(
            other.engine.plan_conversion(other.lead, scheme=UNSEARCHED, **other.targets(told))
        )
    )
    assert readable(one.engine.store) == readable(other.engine.store)
    assert isinstance(done, FunnelkitError) is isinstance(planned, FunnelkitError)
    if not isinstance(done, FunnelkitError):
        assert done == planned


def _for_convert(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "deal": True if told.get("deal") is None else told["deal"]}


def seen(record: Any) -> Any:
    """Return a record without its version, its times and its way through the stages."""
    plain: dict[str, Any] = {"version": 1, "updated_at": NOON}
    if isinstance(record, Lead):
        plain |= {"moves": 0, "visited": (), "entered_at": NOON}
    return attrs.evolve(record, **plain)


def everything(store: Store) -> dict[str, Any]:
    """Return every record by id, as `seen`."""
    return {record.id: seen(record) for kind in KINDS for record in store.find(kind, {}, limit=1000)}


def there_and_back(world: World, told: dict[str, Any], scheme: Scheme) -> bool:
    """Convert and undo, and demand what was before; return whether anything was converted."""
    engine = world.engine
    plan = attempt(lambda: engine.plan_conversion(world.lead, scheme=scheme, **world.targets(told)))
    if isinstance(plan, FunnelkitError):
        return False
    before, bare = readable(engine.store), everything(engine.store)
    if plan.refusals:
        with pytest.raises(RefusedError):
            engine.apply(plan)
        assert readable(engine.store) == before
        return False
    made = engine.apply(plan)
    assert engine.verify() == ()
    changed = plan.filled.keys()
    for name in changed:
        kind, _, field = name.partition(".")
        value = getattr(plan.matched[kind], field.partition(".")[0])
        assert not value or field.startswith("custom.")  # nothing that was written is overwritten
    world.clock.tick("1h")
    engine.undo(made)
    assert engine.verify() == ()
    now = everything(engine.store)
    assert {id: record for id, record in now.items() if id in bare} == bare
    new = [record for id, record in now.items() if id not in bare]
    assert len(new) == len(plan.created)
    assert {record.replaced_by for record in new} <= {world.lead.id}
    assert (
        before["moves"].items()
        <= {
            id: rows[: len(before["moves"].get(id, rows))]
            for id, rows in readable(engine.store)["moves"].items()
        }.items()
    )
    return True


@often
@given(worlds, targets, some_schemes)
def test_undo_is_the_way_back(drawn: dict[str, Any], told: dict[str, Any], scheme: Scheme) -> None:
    """Whatever a plan makes, matches and fills: after the undo all is as before, but for the trace."""
    event(f"converted: {there_and_back(World(drawn), told, scheme)}")


DRAWN: dict[str, Any] = {
    "companies": [{"name": "Acme", "owner": "", "custom": {}}],
    "contacts": [({"name": "Ann", "email": "ann@a.example", "custom": {}}, True)],
    "deals": [{"owner": "", "value": None, "custom": {}}],
    "lead": {
        "name": "Ann Lee",
        "email": "ann@a.example",
        "company_name": "Acme",
        "phone": "+7 900 000-00-00",
        "owner": "sam",
        "value": money(500, "EUR"),
        "probability": 0.5,
        "custom": {"size": 40},
        "linked_contact": False,
        "linked_company": False,
    },
}
FEW = [
    ({"deal": None, "contact": None, "company": None}, USUAL),
    ({"deal": "existing", "contact": True, "company": "existing"}, USUAL),
    ({"deal": None, "contact": False, "company": None}, Scheme(id="other", fields=OTHER_MAP)),
]


@pytest.mark.parametrize(("told", "scheme"), FEW)
def test_it_is_the_way_back_in_a_file(tmp_path: Any, told: dict[str, Any], scheme: Scheme) -> None:
    """The same on SQLite."""
    with SQLiteStore(tmp_path / "crm.db", durability="fast") as store:
        assert there_and_back(World(DRAWN, store), told, scheme)


@pytest.mark.parametrize(("told", "scheme"), FEW)
def test_it_is_the_way_back_on_a_server(schemas: Schemas, told: dict[str, Any], scheme: Scheme) -> None:
    """The same on PostgreSQL."""
    with PostgresStore(schemas.url, schema=schemas.new()) as store:
        assert there_and_back(World(DRAWN, store), told, scheme)
