"""Bad input: a documented error that names what and where, and a store that is as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Actor, Engine, Money, Pipeline, Stage
from funnelkit.errors import (
    AlreadyExistsError,
    DefinitionError,
    FunnelkitError,
    InputError,
    MoneyError,
    NotFoundError,
    TimeError,
)

LONG = "x" * 10_000
LOOP: dict[str, Any] = {}
LOOP["loop"] = LOOP
BAD_TEXT: list[Any] = [LONG, "a\0b", "half \ud800", 5, b"bytes", ["list"]]
BAD_FIELDS: dict[str, tuple[type[InputError], list[Any]]] = {
    "name": (InputError, [*BAD_TEXT, None, "", "  "]),
    "source": (InputError, BAD_TEXT),
    "campaign": (InputError, BAD_TEXT),
    "value": (
        MoneyError,
        [
            12.5,
            12,
            "12 EUR",
            Money(10**17, "EUR"),
        ],
    ),
    "probability": (InputError, [20, -0.1, 1.1, float("nan"), True, "0.2"]),
    "expected_close": (TimeError, [datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01", 5]),
    "custom": (
        InputError,
        [
            5,
            "text",
            [("a", 1)],
            {"a": object()},
            {"a": {1, 2}},
            {"a": float("inf")},
            {"a": 2**63},
            {"a": 10**5_000},
            {"a": b"bytes"},
            {"a": datetime(2026, 3, 1, tzinfo=UTC)},
            {"a": [1, {"b": "\0"}]},
            {1: "a", "b": 2},
            {"": 1},
            {"a.b": 1},
            {"a\0": 1},
            {LONG: 1},
            {"a": LONG * 11},
            LOOP,
        ],
    ),
}
CASES = [(field, value) for field, (_, values) in BAD_FIELDS.items() for value in values]
NAMES = [f"{field}-{number}" for number, (field, _) in enumerate(CASES)]


def named(error: FunnelkitError, field: str) -> bool:
    """Whether an error is about a field, or about something inside it."""
    return isinstance(error, InputError) and field in error.argument


@pytest.mark.parametrize("key", [{}, {"key": "k"}], ids=["", "keyed"])
@pytest.mark.parametrize(("field", "value"), CASES, ids=NAMES)
def test_a_bad_field_of_a_new_deal_is_named(
    engine: Engine, unchanged: Any, field: str, value: Any, key: dict[str, str]
) -> None:
    """Creating a deal with it raises the error of its kind, with the field's name, keyed or not."""
    fields = {"name": "Acme", "pipeline": "care", **key, field: value}
    with unchanged(BAD_FIELDS[field][0]) as caught:
        engine.create(**fields)
    assert named(caught.value, field)
    assert engine.store.answer("k") is None


@pytest.mark.parametrize(("field", "value"), CASES, ids=NAMES)
def test_a_bad_field_of_an_edit_is_named(engine: Engine, unchanged: Any, field: str, value: Any) -> None:
    """Editing a deal to it raises the same."""
    deal = engine.create("Acme", pipeline="care")
    with unchanged(BAD_FIELDS[field][0]) as caught:
        engine.edit(deal, **{field: value})
    assert named(caught.value, field)


@pytest.mark.parametrize("field", ["owner", "company_name", "email", "phone", "source", "campaign"])
@pytest.mark.parametrize("value", BAD_TEXT, ids=range(len(BAD_TEXT)))
def test_bad_text_of_a_lead_is_named(engine: Engine, unchanged: Any, field: str, value: Any) -> None:
    """Every field of text of a lead is checked."""
    with unchanged(InputError) as caught:
        engine.capture("Ann", **{field: value})
    assert caught.value.argument == field


@pytest.mark.parametrize("field", ["name", "owner", "source", "email", "phone"])
def test_bad_text_of_a_contact_is_named(engine: Engine, unchanged: Any, field: str) -> None:
    """So is every one of a contact."""
    for value in BAD_TEXT:
        with unchanged(InputError) as caught:
            engine.create_contact(**{"name": "Ann", field: value})
        assert caught.value.argument == field


ACTS: dict[str, list[Any]] = {
    "actor": [
        LONG,
        "a\0b",
        "",
        " ",
        5,
        Actor("a\0b"),
        Actor(""),
        Actor(5),
        Actor("\udfff"),
        Actor("a", {"\0"}),
    ],  # type: ignore[arg-type]
    "reason": [LONG, "a\0b", 5, []],
    "note": [LONG * 11, "a\0b", 5],
    "at": ["2026-03-01", 5, date(2026, 3, 1), datetime(1969, 12, 31, tzinfo=UTC)],
    "expect": [0, -1, "1", 1.0, True],
    "key": [LONG, "a\0b", "", " ", 5],
    "override": ["false", "", 0, 1, []],
}


@pytest.mark.parametrize("argument", ACTS)
@pytest.mark.parametrize(
    "verb", ["advance", "edit", "assign", "log", "create", "capture", "bulk", "convert", "can"]
)
def test_a_bad_common_argument_is_named(engine: Engine, unchanged: Any, verb: str, argument: str) -> None:
    """Whatever verb it is given to, a bad actor, reason, note, time, version, key or override is named."""
    deal, lead = engine.create("Acme", pipeline="care"), engine.capture("Ann")
    calls: dict[str, Callable[[dict[str, Any]], Any]] = {
        "advance": lambda act: engine.advance(deal, **act),
        "edit": lambda act: engine.edit(deal, name="New", **act),
        "assign": lambda act: engine.assign(deal, "kim", **act),
        "log": lambda act: engine.log(deal, "call", **act),
        "create": lambda act: engine.create("Acme", pipeline="care", **act),
        "capture": lambda act: engine.capture("Ann", **act),
        "bulk": lambda act: engine.bulk("advance", [deal.id], **act),
        "convert": lambda act: engine.convert(lead, pipeline="care", **act),
        "can": lambda act: engine.can(deal, "advance", **act),
    }
    for value in ACTS[argument]:
        with unchanged(InputError) as caught:
            calls[verb]({argument: value})
        assert caught.value.argument.startswith(argument)


def test_a_misspelt_argument_is_a_type_error(engine: Engine, unchanged: Any) -> None:
    """As with any Python function; the right name is suggested."""
    deal = engine.create("Acme", pipeline="care")
    for call in (
        lambda: engine.advance(deal, reson="x"),  # type: ignore[call-arg]
        lambda: engine.create("Acme", pipeline="care", valeu=1),  # type: ignore[call-arg]
        lambda: engine.edit(deal, nmae="x"),
    ):
        with unchanged(TypeError) as caught:
            call()
        assert "did you mean" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "verb"),
    [
        ("owner", "assign"),
        ("stage", "move"),
        ("pipeline", "transfer"),
        ("close", "reopen"),
        ("outcome", "reopen"),
    ],
)
def test_what_has_a_verb_is_not_edited(engine: Engine, unchanged: Any, field: str, verb: str) -> None:
    """Editing it is refused with the verb to use instead."""
    deal = engine.create("Acme", pipeline="care")
    with unchanged(InputError) as caught:
        engine.edit(deal, **{field: "won"})
    assert verb in caught.value.fix


@pytest.mark.parametrize("field", ["id", "version", "visited", "moves", "created_at", "entered_at", "lead"])
def test_what_follows_from_acts_is_not_edited(engine: Engine, unchanged: Any, field: str) -> None:
    """There is no such field to edit."""
    deal = engine.create("Acme", pipeline="care")
    with unchanged(TypeError):
        engine.edit(deal, **{field: 1})


@pytest.mark.parametrize(
    "id", [LONG, "a\0b", "", " ", "a b", "a\nb", "\ud800", 5, "a\u200bb", "\ufeffa", "a\u202eb"]
)
def test_a_bad_id_is_named(engine: Engine, unchanged: Any, id: Any) -> None:
    """An id of your own has no white space, nothing invisible, and some end."""
    with unchanged(InputError) as caught:
        engine.create("Acme", pipeline="care", id=id)
    assert caught.value.argument == "id"


def test_an_id_is_taken_once_over_all_kinds(engine: Engine, unchanged: Any) -> None:
    """A deal, a lead and a contact do not share an id, for their histories would mix."""
    engine.create("Acme", pipeline="care", id="x1")
    for call in (
        lambda: engine.create("Acme", pipeline="care", id="x1"),
        lambda: engine.capture("Ann", id="x1"),
        lambda: engine.create_contact("Ann", id="x1"),
    ):
        with unchanged(AlreadyExistsError) as caught:
            call()
        assert (caught.value.kind, caught.value.id) == ("deal", "x1")


def test_an_id_does_not_pretend_to_be_of_another_kind(engine: Engine, unchanged: Any) -> None:
    """What looks like a made id of a lead is no id for a deal: it could not be found again."""
    with unchanged(InputError):
        engine.create("Acme", pipeline="care", id="lead_01h455vb4pex5vsknk084sn02q")
    own = "lead" + "ership-2026-number-0000001"
    assert engine.get(engine.create("Acme", pipeline="care", id=own).id).id == own


@pytest.mark.parametrize("id", ["nobody", "", LONG, "deal_" + "0" * 26, "\ud800", "a\0b"])
def test_an_absent_record_is_not_found(engine: Engine, unchanged: Any, id: str) -> None:
    """Reading it and every verb on it is a NotFoundError, also a LookupError."""
    for call in (lambda: engine.get(id), lambda: engine.advance(id), lambda: engine.log(id, "call")):
        with unchanged(NotFoundError) as caught:
            call()
        assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("record", [5, None, 1.5, b"d1", ["d1"], object()])
def test_what_is_no_record_is_named(engine: Engine, unchanged: Any, record: Any) -> None:
    """Neither a record nor an id: the caller's error, whatever is asked."""
    calls: tuple[Callable[[], Any], ...] = (
        lambda: engine.get(record),
        lambda: engine.advance(record),
        lambda: engine.log(record, "call"),
        lambda: engine.convert(record),
        lambda: engine.bulk("advance", [record]),
        lambda: engine.can(record, "win"),
        lambda: engine.next(record),
        lambda: engine.history(record),
        lambda: engine.activities(record),
    )
    for call in calls:
        with unchanged(InputError) as caught:
            call()
        assert caught.value.argument == "record"


@pytest.mark.parametrize("client", [False, 0, [], {}, 5])
@pytest.mark.parametrize("field", ["contact", "company"])
def test_what_is_no_client_is_named(engine: Engine, unchanged: Any, field: str, client: Any) -> None:
    """Nobody is None or empty text, not whatever Python takes for false."""
    for make in (engine.create, engine.capture):
        with unchanged(InputError) as caught:
            make("Acme", **{field: client})
        assert caught.value.argument == field


def test_a_client_must_exist(engine: Engine, unchanged: Any) -> None:
    """A deal, lead or contact refers to nobody that is not there, new or edited."""
    deal, ann = engine.create("Acme", pipeline="care"), engine.create_contact("Ann")
    for call in (
        lambda: engine.create("Acme", pipeline="care", contact="nobody"),
        lambda: engine.create("Acme", pipeline="care", company=ann.id),
        lambda: engine.capture("Ann", company="nobody"),
        lambda: engine.create_contact("Ann", company="nobody"),
        lambda: engine.edit(deal, contact="nobody"),
        lambda: engine.edit(deal, contact=deal.id),
        lambda: engine.edit(ann, company="nobody"),
    ):
        with unchanged(NotFoundError):
            call()


@pytest.mark.parametrize("to", ["nowhere", "", LONG, 5, None, ["care"]])
def test_an_unknown_pipeline_is_named(engine: Engine, unchanged: Any, to: Any) -> None:
    """Creating in it and transferring to it are InputErrors about the pipeline."""
    deal = engine.create("Acme", pipeline="care")
    with unchanged(InputError) as caught:
        engine.transfer(deal, to)
    assert caught.value.argument == "pipeline"
    if to is not None:
        with unchanged(InputError):
            engine.create("Acme", pipeline=to)


@pytest.mark.parametrize("stage", ["nowhere", "won", "", LONG, 5, ["new"]])
def test_an_unknown_stage_is_named(engine: Engine, unchanged: Any, stage: Any) -> None:
    """Creating on it, transferring and moving to it name the stage."""
    deal = engine.create("Acme", pipeline="care")
    for call in (
        lambda: engine.create("Acme", pipeline="care", stage=stage),
        lambda: engine.transfer(deal, "sales", stage=stage),
        lambda: engine.move(deal, stage),
    ):
        with unchanged(InputError) as caught:
            call()
        assert caught.value.argument in {"stage", "to"}


def test_several_pipelines_must_be_told_apart(engine: Engine, unchanged: Any) -> None:
    """With two pipelines for deals one is named; the error lists them."""
    with unchanged(InputError) as caught:
        engine.create("Acme")
    assert "sales" in caught.value.fix
    assert "care" in caught.value.fix


def test_a_step_belongs_to_its_stage(engine: Engine, unchanged: Any) -> None:
    """Logging a step that the stage does not have is an InputError with a suggestion."""
    deal = engine.advance(engine.create("Acme", pipeline="sales"))
    with unchanged(InputError) as caught:
        engine.log(deal, "call", step="cal")
    assert (caught.value.argument, caught.value.fix) == ("step", "did you mean 'call'?")


@pytest.mark.parametrize("kind", ["", " ", LONG, 5, None, "a\0b"])
def test_an_activity_has_a_kind(engine: Engine, unchanged: Any, kind: Any) -> None:
    """What was done is a word."""
    deal = engine.create("Acme", pipeline="care")
    with unchanged(InputError) as caught:
        engine.log(deal, kind)
    assert caught.value.argument == "kind"


def test_an_engine_needs_pipelines_that_differ() -> None:
    """Two pipelines of one id are a DefinitionError; what is no pipeline is an InputError."""
    with pytest.raises(DefinitionError):
        Engine(Pipeline("p", [Stage("a")]), Pipeline("p", [Stage("b")]))
    with pytest.raises(InputError):
        Engine("sales")  # type: ignore[arg-type]


def test_a_record_of_an_unknown_pipeline_is_left_alone(engine: Engine, unchanged: Any) -> None:
    """An engine without the definition reads the record, and says what is missing when it is to act."""
    deal = engine.create("Acme", pipeline="care")
    other = Engine(Pipeline("other", [Stage("a")]), store=engine.store)
    assert other.get(deal.id) == deal
    with unchanged(InputError) as caught:
        other.advance(deal)
    assert caught.value.argument == "pipeline"


@pytest.mark.parametrize(
    "where",
    [
        {"name": "Acme"},
        {"stage": 5},
        {"owner": None},
        {"limit": 0},
        {"limit": -1},
        {"limit": "1"},
        {"nope": "x"},
        {"after": None},
        {"after": 5},
        {"outcome": "opened"},
        {"outcome": ["won"]},
    ],
)
def test_a_bad_search_is_the_callers_error(engine: Engine, where: dict[str, Any]) -> None:
    """Columns that cannot be compared, values that are no text, outcomes and limits that are none."""
    with pytest.raises(InputError):
        engine.find("deal", **where)


@pytest.mark.parametrize("kind", ["deals", None, [], {}])
def test_a_search_is_for_a_kind(engine: Engine, kind: Any) -> None:
    """Anything but the name of a kind is the caller's error."""
    with pytest.raises(InputError) as caught:
        engine.find(kind)
    assert caught.value.argument == "kind"


@pytest.mark.parametrize(
    ("argument", "value"),
    [("store", 5), ("store", Path("crm.db")), ("zone", "Europe/Berlin"), ("zone", None)],
)
def test_an_engine_is_built_of_what_it_needs(argument: str, value: Any) -> None:
    """A path for a store and a name for a zone are refused at once, with what to write."""
    with pytest.raises(InputError) as caught:
        Engine(**{argument: value})
    assert caught.value.argument == argument
    assert caught.value.fix


class WallClock:
    """A clock that does not say in which time zone it hangs."""

    def now(self) -> datetime:
        """Return a naive datetime."""
        return datetime(2026, 3, 2, 9)  # noqa: DTZ001 (naive is the point)


def test_a_clock_without_a_zone_is_named() -> None:
    """A clock that tells no instant is a TimeError, for ids and for acts."""
    sales = Pipeline("sales", [Stage("new")])
    for engine in (Engine(sales, clock=WallClock()), Engine(sales, clock=WallClock(), ids=str)):
        with pytest.raises(TimeError, match="clock: 2026-03-02T09:00:00 has no time zone"):
            engine.create("Acme")
