"""A small business for faults to hit: pipelines, and random calls that can be written down and repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import attrs

from funnelkit import Activity, CloseReason, Deal, Engine, Lead, Pipeline, Stage, Store, money
from funnelkit.records import Record
from funnelkit.storage.base import KINDS
from funnelkit.verbs.migration import Migration

__all__ = ["Call", "calls", "engine_on", "keys_of", "perform"]

REASONS = {"lost": [CloseReason("price", "Цена"), "no answer"], "void": "test"}
CARE = Pipeline("care", [Stage("asked"), Stage("doing"), Stage("done")])
INTAKE = Pipeline("intake", [Stage("register"), Stage("assess")], kind="lead")
SALES = {
    stage: Pipeline(
        "sales", [Stage("new"), Stage(stage), Stage("contract", steps="call")], close_reasons=REASONS
    )
    for stage in ("offer", "proposal")
}
"""The same pipeline twice: with its second stage called one thing, and called another."""


def engine_on(store: Store, stage: str = "offer", **how: Any) -> Engine:
    """Return an engine over a store; ``stage`` is the name of the second stage of sales."""
    return Engine(SALES[stage], CARE, INTAKE, store=store, **how)


@attrs.frozen
class Call:
    """One call of a verb under a key, in words that JSON can hold: records are named by their ids."""

    key: str
    verb: str
    subjects: list[Any]
    arguments: dict[str, Any] = attrs.field(factory=dict)

    @property
    def stage(self) -> str:
        """The name of the second stage of sales in the definition that the call needs."""
        return self.subjects[1] if self.verb == "migrate" else ""


def keys_of(call: Call) -> tuple[str, ...]:
    """Return the keys that a call uses that is done to all of its records."""
    if call.verb in {"bulk", "migrate"}:
        return tuple(f"{call.key}/{id}" for id in call.subjects[-1])
    return (call.key,)


def perform(engine: Engine, call: Call) -> tuple[Any, ...]:
    """Make a call; return the records it answers with."""
    arguments = {**call.arguments, "key": call.key}
    if "value" in arguments:
        arguments["value"] = money(*arguments["value"])
    if call.verb == "migrate":
        gone, stage, ids = call.subjects
        plan = Migration(pipeline="sales", moves=tuple((id, gone, stage) for id in ids))
        return engine.migrate(plan, **arguments).done
    answer = getattr(engine, call.verb)(*call.subjects, **arguments)
    if call.verb == "bulk":
        return answer.done
    if call.verb == "convert":
        entries = [entry for entry in engine.activities(answer.lead) if entry.id == answer.id]
        parts = (answer.lead, answer.deal, answer.contact, answer.company, *entries)
        return tuple(part for part in parts if part is not None)
    return (answer,)


class Known:
    """The records as they are, to choose the next call by."""

    def __init__(self, store: Store) -> None:
        self.records: dict[str, Record] = {}
        for kind in KINDS:
            after = ""
            while page := store.find(kind, {}, after=after, limit=1000):
                self.learn(page)
                after = page[-1].id

    def learn(self, answers: Any) -> None:
        """Note what a call answered."""
        for record in answers:
            if not isinstance(record, Activity):
                self.records[record.id] = record

    def some(self, random: Random, *kinds: type, closed: bool | None = None) -> Any:
        """Return any record of these kinds, open or closed; None when there is none."""
        fit = [
            record
            for record in self.records.values()
            if isinstance(record, kinds) and (closed is None or (record.close is not None) == closed)  # type: ignore[attr-defined]
        ]
        return random.choice(fit) if fit else None

    def open_deals(self, pipeline: str, stage: str = "") -> list[Deal]:
        """Return the open deals of a pipeline, or of one stage of it."""
        return [
            record
            for record in self.records.values()
            if isinstance(record, Deal)
            and record.close is None
            and record.pipeline == pipeline
            and (not stage or record.stage == stage)
        ]


def calls(store: Store, random: Random, tag: str, *, mostly: str = "single") -> Iterator[Call]:
    """Yield random calls without end; send back what each answered.

    Args:
        store: What there is already.
        random: Where chance comes from.
        tag: What every key begins with.
        mostly: ``"single"`` verbs, ``"bulk"`` or ``"migration"``.
    """
    known = Known(store)
    number = 0
    while True:
        number += 1
        key = f"{tag}-{number}"
        call = _many(known, random, key, mostly) or _single(known, random, key)
        answered = yield call
        known.learn(answered or ())


def _many(known: Known, random: Random, key: str, mostly: str) -> Call | None:
    """Return a bulk or a migration of everything it fits, or None."""
    if mostly == "migration":
        for gone, stage in (("offer", "proposal"), ("proposal", "offer")):
            ids = sorted(deal.id for deal in known.open_deals("sales", gone))
            if len(ids) >= 4:
                return Call(key, "migrate", [gone, stage, ids], {"actor": "head", "reason": "a new word"})
    deals = [deal.id for deal in known.open_deals("care")]
    if mostly == "bulk" and len(deals) > 4 and random.random() < 0.7:
        ids = random.sample(deals, random.randint(2, len(deals)))
        if random.random() < 0.5:
            return Call(key, "bulk", ["assign", ids], {"owner": random.choice("abc")})
        return Call(key, "bulk", ["move", ids], {"to": random.choice(("asked", "doing", "done"))})
    if mostly != "single" and len(known.open_deals("care")) < 40 and random.random() < 0.7:
        pipeline, stage = ("sales", "offer") if mostly == "migration" else ("care", "asked")
        if mostly != "migration" or not known.open_deals("sales", "proposal"):
            return Call(key, "create", [f"{pipeline} {key}"], {"pipeline": pipeline, "stage": stage})
    return None


def _single(known: Known, random: Random, key: str) -> Call:
    """Return a call of one of the verbs on one record."""
    act: dict[str, Any] = {"actor": random.choice(("sam", "Ёж")), "note": random.choice(("", "звонил 🎉"))}
    while True:
        call = random.choice(_VERBS)(known, random)
        if call is not None:
            verb, subjects, own = call
            return Call(key, verb, subjects, {**own, **act})


_Words = tuple[str, list[Any], dict[str, Any]] | None


def _create(known: Known, random: Random) -> _Words:
    own = {"pipeline": "care", "value": [random.randint(0, 10**6), "EUR"], "custom": _custom(random)}
    return "create", [f"Deal {random.random()}"], own


def _capture(known: Known, random: Random) -> _Words:
    own = {"company_name": random.choice(("", "Acme")), "email": "ann@example.org", "custom": _custom(random)}
    return "capture", [f"Lead {random.random()}"], own


def _convert(known: Known, random: Random) -> _Words:
    lead = known.some(random, Lead, closed=False)
    return ("convert", [lead.id], {"pipeline": "care"}) if lead else None


def _advance(known: Known, random: Random) -> _Words:
    record = known.some(random, Lead, Deal, closed=False)
    last = {"done", "contract", "assess"}
    return ("advance", [record.id], {}) if record and record.stage not in last else None


def _move(known: Known, random: Random) -> _Words:
    deals = known.open_deals("care")
    to = random.choice(("asked", "doing", "done"))
    return ("move", [random.choice(deals).id, to], {}) if deals else None


def _close(known: Known, random: Random) -> _Words:
    deal = known.some(random, Deal, closed=False)
    verb, reason = random.choice((("win", ""), ("lose", "price"), ("void", "test")))
    return (verb, [deal.id], {"reason": reason}) if deal and deal.stage != "contract" else None


def _reopen(known: Known, random: Random) -> _Words:
    deal = known.some(random, Deal, closed=True)
    return ("reopen", [deal.id], {}) if deal else None


def _transfer(known: Known, random: Random) -> _Words:
    deals = known.open_deals("sales", "new")
    return ("transfer", [random.choice(deals).id, "care"], {}) if deals else None


def _assign(known: Known, random: Random) -> _Words:
    record = known.some(random, *KINDS.values())
    return ("assign", [record.id, random.choice("abc")], {}) if record else None


def _edit(known: Known, random: Random) -> _Words:
    record = known.some(random, *KINDS.values())
    return ("edit", [record.id], {"custom": _custom(random)}) if record else None


def _log(known: Known, random: Random) -> _Words:
    record = known.some(random, *KINDS.values())
    return ("log", [record.id, "call", "звонок"], {}) if record else None


def _contact(known: Known, random: Random) -> _Words:
    return "create_contact", [f"Ann {random.random()}"], {"email": "ann@example.org"}


def _company(known: Known, random: Random) -> _Words:
    return "create_company", [f"Acme {random.random()}"], {}


def _custom(random: Random) -> Mapping[str, Any]:
    return {"size": random.randint(0, 99), "terms": {"город": random.choice(("Орёл", "Uhldingen", None))}}


_VERBS = (
    *(_create, _capture, _convert, _convert, _advance, _advance, _advance, _move, _move, _move),
    *(_close, _close, _reopen, _transfer, _assign, _edit, _edit, _log, _contact, _company),
)
