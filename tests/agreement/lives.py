"""What a random life is made of: pipelines with rules, people, reasons, times, values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from funnelkit import (
    Actor,
    CloseReason,
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
from funnelkit.testing import amounts, names

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
