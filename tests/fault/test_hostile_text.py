"""Hostile text and extreme numbers through every argument: kept as they are, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.test_every_statement import furnished
from tests.fault.world import engine_on

from funnelkit import Actor, Engine, FrozenClock, MemoryStore, SQLiteStore, Store, money
from funnelkit.errors import ConflictError, InputError, KeyReusedError, NotFoundError, RefusedError
from funnelkit.testing import readable, sequential_ids

pytestmark = pytest.mark.fault

TEXTS = (
    "",
    " ",
    "'",
    '"',
    "`",
    "\\",
    ";",
    "'; DROP TABLE deal; --",
    '"; DROP TABLE move; --',
    "x'); DELETE FROM change; COMMIT; --",
    "' OR '1'='1",
    "1; PRAGMA writable_schema = ON",
    "deal UNION SELECT * FROM sqlite_master",
    "%",
    "_",
    "?",
    "?1",
    ":id",
    "@id",
    "$1",
    "%s",
    "%(id)s",
    "{0.__class__}",
    "${jndi:ldap://host/a}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\0",
    "a\0b",
    "\ud800",
    "b\udfff",
    "\udcff\udcfe",
    "\u202egnp.exe",
    "\u2066\u200b\u200f",
    "\ufeff",
    "\uffff",
    "\U0010ffff",
    "e\u0301",
    "\r\n",
    "\x1b[31m",
    "\x7f\x80\x9f",
    "\u2028",
    "👩‍🚀🚀",
    "null",
    "true",
    "NaN",
    str(2**63),
    str(-(2**63) - 1),
    "1e999",
    "x" * 501,
    "ж" * 100_001,
    "y" * 10_000_000,
)

Case = tuple[Callable[[Engine, str], Any], Callable[[Engine, Any], Any] | None]


def last(field: str) -> Callable[[Engine, Any], Any]:
    """Return what reads a field of the last move of an answered record."""
    return lambda engine, record: getattr(engine.history(record)[-1], field)


def now(field: str) -> Callable[[Engine, Any], Any]:
    """Return what reads a field of an answered record as it is in the store."""
    return lambda engine, record: getattr(engine.get(record.id), field)


def fields_of(verb: str, fields: str, **own: Any) -> dict[str, Case]:
    """Return a case for each text field of a verb that makes a record."""
    return {
        f"{verb} {field}": (
            lambda engine, text, field=field: getattr(engine, verb)("N", **{**own, field: text}),
            now(field),
        )
        for field in fields.split()
    }


def advanced(engine: Engine, text: str, argument: str) -> Any:
    """Move the deal to where it is not, with a text in one of the common arguments."""
    to = "doing" if engine.get("deal").stage == "asked" else "asked"  # type: ignore[union-attr]
    return engine.move("deal", to, **{argument: text})


def any_deal(engine: Engine) -> Any:
    """Return a fresh deal."""
    return engine.create("N", pipeline="care")


WRITING: dict[str, Case] = {
    "create name": (lambda engine, text: engine.create(text, pipeline="care"), now("name")),
    **fields_of("create", "owner source campaign", pipeline="care"),
    "create id": (lambda engine, text: engine.create("N", pipeline="care", id=text), now("id")),
    "create pipeline": (lambda engine, text: engine.create("N", pipeline=text), None),
    "create stage": (lambda engine, text: engine.create("N", pipeline="care", stage=text), None),
    "create contact": (lambda engine, text: engine.create("N", pipeline="care", contact=text), None),
    "create company": (lambda engine, text: engine.create("N", pipeline="care", company=text), None),
    "create custom value": (
        lambda engine, text: engine.create("N", pipeline="care", custom={"a": {"b": [text]}}),
        lambda engine, record: engine.get(record.id).custom["a"]["b"][0],  # type: ignore[union-attr]
    ),
    "create custom name": (
        lambda engine, text: engine.create("N", pipeline="care", custom={text: 1}),
        lambda engine, record: next(iter(engine.get(record.id).custom)),  # type: ignore[union-attr]
    ),
    "create key": (lambda engine, text: engine.create("N", pipeline="care", key=text), last("key")),
    "capture name": (lambda engine, text: engine.capture(text), now("name")),
    **fields_of("capture", "owner source campaign company_name email phone"),
    **fields_of("create_contact", "owner source email phone"),
    "create_contact company": (lambda engine, text: engine.create_contact("N", company=text), None),
    **fields_of("create_company", "owner source"),
    "create_company name": (lambda engine, text: engine.create_company(text), now("name")),
    "convert deal": (
        lambda engine, text: engine.convert(engine.capture("N"), deal=text, pipeline="care"),
        lambda engine, made: engine.get(made.deal.id).name,  # type: ignore[union-attr]
    ),
    "convert lead": (lambda engine, text: engine.convert(text, pipeline="care"), None),
    "convert contact": (lambda engine, text: engine.convert("lead", contact=text, pipeline="care"), None),
    "move to": (lambda engine, text: engine.move("deal", text), None),
    "move record": (lambda engine, text: engine.move(text, "done"), None),
    "move note": (lambda engine, text: advanced(engine, text, "note"), last("note")),
    "move reason": (lambda engine, text: advanced(engine, text, "reason"), last("reason")),
    "move actor": (lambda engine, text: advanced(engine, text, "actor"), last("actor")),
    "move key": (lambda engine, text: advanced(engine, text, "key"), last("key")),
    "lose reason": (lambda engine, text: engine.lose(any_deal(engine), reason=text), last("reason_text")),
    "void note": (lambda engine, text: engine.void(any_deal(engine), note=text), last("note")),
    "transfer to": (lambda engine, text: engine.transfer("deal", text), None),
    "transfer stage": (lambda engine, text: engine.transfer("deal", "sales", stage=text), None),
    "assign owner": (lambda engine, text: engine.assign("contact", text), now("owner")),
    "assign reason": (
        lambda engine, text: engine.assign(any_deal(engine), "sam", reason=text),
        lambda engine, record: engine.changes(record)[-1].reason,  # type: ignore[attr-defined]
    ),
    "edit name": (lambda engine, text: engine.edit("contact", name=text), now("name")),
    "edit email": (lambda engine, text: engine.edit("contact", email=text), now("email")),
    "edit custom": (
        lambda engine, text: engine.edit("company", custom={"a": text}),
        lambda engine, record: engine.get(record.id).custom["a"],  # type: ignore[union-attr]
    ),
    "log kind": (
        lambda engine, text: engine.log("deal", text),
        lambda engine, made: next(each.kind for each in engine.activities("deal") if each.id == made.id),
    ),
    "log text": (
        lambda engine, text: engine.log("company", "call", text),
        lambda engine, made: next(each.text for each in engine.activities("company") if each.id == made.id),
    ),
    "log step": (lambda engine, text: engine.log("deal", "call", step=text), None),
    "log role": (
        lambda engine, text: engine.log("contact", "call", actor=Actor("sam", roles={text})),
        lambda engine, made: next(each.roles for each in engine.activities("contact") if each.id == made.id)[
            0
        ],
    ),
    "bulk verb": (lambda engine, text: engine.bulk(text, ["deal"]), None),
    "bulk id": (lambda engine, text: engine.bulk("assign", [text], owner="sam"), None),
    "bulk owner": (
        lambda engine, text: engine.bulk("assign", [any_deal(engine)], owner=text).done[0],
        now("owner"),
    ),
    "migrate stage": (lambda engine, text: engine.plan_migration("sales", {text: "offer"}), None),
}
READING: dict[str, Callable[[Engine, str], Any]] = {
    "get": lambda engine, text: engine.get(text),
    "history": lambda engine, text: engine.history(text),
    "activities": lambda engine, text: engine.activities(text),
    "changes": lambda engine, text: engine.changes(text or "nobody"),
    "can verb": lambda engine, text: engine.can("deal", text),
    "can to": lambda engine, text: engine.can("deal", "move", text),
    "next": lambda engine, text: engine.next(text),
    "find kind": lambda engine, text: engine.find(text),  # type: ignore[arg-type]
    "find after": lambda engine, text: engine.find("contact", after=text),
    "find owner": lambda engine, text: engine.find("contact", owner=text),
    "find field": lambda engine, text: engine.find("contact", **{text: "x"}),
    "find outcome": lambda engine, text: engine.find("deal", outcome=text),
    "funnel pipeline": lambda engine, text: engine.funnel(text),
    "funnel owner": lambda engine, text: str(engine.funnel("care", owner=text or "x")),
    "funnel source": lambda engine, text: str(engine.funnel("care", source=text or "x")),
    "query parameter": lambda engine, text: engine.store.query(
        "SELECT id FROM deal WHERE name = :name", {"name": text}
    ),
    "query": lambda engine, text: engine.store.query(text, {}),
    "query behind a select": lambda engine, text: engine.store.query(f"SELECT 1 {text}", {}),
    "query behind a full one": lambda engine, text: engine.store.query(f"SELECT 1; {text}", {}),
    "answer": lambda engine, text: engine.store.answer(text),
}
REFUSALS = (InputError, NotFoundError, RefusedError, KeyReusedError)


def schema(store: Store) -> Any:
    """Return the tables and indexes, and how many rows there are of what is only added to."""
    return store.query("SELECT type, name, sql FROM sqlite_master ORDER BY name", {})


def outcome(engine: Engine, case: Case, text: str) -> str:
    """Return "kept" or the name of the error; demand that it is kept as it is, or nothing has changed."""
    do, read = case
    before = engine.store.query("SELECT COUNT(*), (SELECT COUNT(*) FROM move) FROM change", {})
    try:
        answer = do(engine, text)
    except REFUSALS as error:
        made = engine.store.query("SELECT COUNT(*), (SELECT COUNT(*) FROM move) FROM change", {})
        helped = do.__code__.co_names
        if not {"any_deal", "capture"} & set(helped):
            assert made == before
        return type(error).__name__
    if read is not None:
        assert read(engine, answer) == text
    return "kept"


@pytest.fixture
def engines(tmp_path: Path) -> Any:
    """Return an engine over SQLite and one over memory that make the same of the same."""
    made = []
    for store in (SQLiteStore(tmp_path / "crm.db", durability="fast"), MemoryStore()):
        furnished(store)
        clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
        made.append(engine_on(store, ids=sequential_ids(900), clock=clock))
    yield made
    for engine in made:
        engine.close()


@pytest.mark.parametrize("name", WRITING)
def test_text_is_kept_as_it_is_or_refused(name: str, engines: list[Engine], tell: Tell) -> None:
    """Each text through an argument of a verb: read back it is the same, or it was refused by name."""
    before = schema(engines[0].store)
    kept = 0
    for text in TEXTS:
        said = [outcome(engine, WRITING[name], text) for engine in engines]
        assert said[0] == said[1]
        kept += said[0] == "kept"
    assert schema(engines[0].store) == before
    assert readable(engines[0].store) == readable(engines[1].store)
    assert engines[0].verify() == ()
    tell(f"hostile text through each of {len(WRITING)} arguments of verbs", len(TEXTS), "kept or refused")


@pytest.mark.parametrize("name", READING)
def test_text_in_a_question_reads_at_most(name: str, engines: list[Engine], tell: Tell) -> None:
    """Each text in a question: an answer or a refusal by name, the same from both stores; nothing changes."""
    before = readable(engines[0].store)
    for text in TEXTS:
        said = []
        for engine in engines:
            try:
                said.append(repr(READING[name](engine, text)))
            except REFUSALS as error:
                said.append(type(error).__name__)
        assert said[0] == said[1]
    assert readable(engines[0].store) == before
    tell(
        f"hostile text through each of {len(READING)} questions", len(TEXTS), "answered or refused, unchanged"
    )


BIG = 2**63
NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, BIG - 1, BIG, -BIG, -BIG - 1, 10**400),
    *(0.1, 1e308, float("inf"), float("-inf"), float("nan"), -0.0, True, None, b"x", Decimal(1)),
)


@pytest.mark.parametrize(
    "do",
    [
        lambda engine, number: engine.create("N", pipeline="care", custom={"n": number}),
        lambda engine, number: engine.create("N", pipeline="care", probability=number),
        lambda engine, number: engine.create("N", pipeline="care", value=number),
        lambda engine, number: engine.create("N", pipeline="care", value=money(number, "EUR")),
        lambda engine, number: engine.create("N", pipeline="care", value=money(number, "JPY")),
        lambda engine, number: engine.create(number, pipeline="care"),
        lambda engine, number: engine.create("N", pipeline="care", id=number),
        lambda engine, number: engine.create("N", pipeline="care", expected_close=number),
        lambda engine, number: engine.create("N", pipeline="care", at=number),
        lambda engine, number: engine.edit("contact", expect=number, name="N"),
        lambda engine, number: engine.edit("deal", at=number, name="N"),
        lambda engine, number: engine.changes(after=number),
        lambda engine, number: engine.changes(limit=number),
        lambda engine, number: engine.find("deal", limit=number),
        lambda engine, number: engine.find("deal", owner=number),
    ],
)
def test_numbers_are_kept_as_they_are_or_refused(do: Any, engines: list[Engine], tell: Tell) -> None:
    """Each extreme number through an argument: both stores keep the same, or refuse it by name."""
    instants = (date.min, date.max, datetime(1, 1, 1), datetime(9999, 12, 31, tzinfo=UTC))  # noqa: DTZ001
    for number in (*NUMBERS, *instants):
        said = []
        for engine in engines:
            try:
                said.append(repr(do(engine, number)))
            except (*REFUSALS, ConflictError) as error:
                said.append(type(error).__name__)
        assert said[0] == said[1]
    assert readable(engines[0].store) == readable(engines[1].store)
    assert engines[0].verify() == ()
    tell("extreme numbers and instants through arguments", len(NUMBERS) + len(instants), "kept or refused")
    with closing(SQLiteStore(engines[0].store.path)) as store:  # type: ignore[attr-defined]
        assert readable(store) == readable(engines[1].store)
