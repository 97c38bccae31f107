"""A million random documents, definitions of logs and rows: no crash, only our own errors."""

from __future__ import annotations

import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import cycle
from random import Random
from typing import Any

import pytest
from tests.fault.conftest import Tell
from tests.fault.counts import times

from funnelkit import Engine, EventLog, FrozenClock, Pipeline, Stage, import_log, requires, templates
from funnelkit.errors import FunnelkitError, shown
from funnelkit.serial import to_toml

pytestmark = pytest.mark.fault

RULES = [requires("value")]
Make = Callable[[Random], Any]

ODD = (
    *(
        "",
        " ",
        "\0",
        "\n",
        "\ufeff",
        "\ud800",
        "é",
        "Ж",
        "\u202e",
        "\U0001f600",
        "x" * 600,
        "a b",
        "a.b",
        "*",
    ),
    *(
        "won",
        "lost",
        "void",
        "new",
        "id",
        "free",
        "__class__",
        "{}",
        "[]",
        "nan",
        "1e999",
        "-0",
        "1_0",
        "%",
        "null",
    ),
    *(
        "2025-03-01",
        "2025-03-01T10:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01",
        "24:00",
        "14d",
        "9" * 30,
    ),
    *(
        "0d",
        "1w2d",
        "9" * 5_000,
        '\'"""',
        "\\u0000",
        "[[a]]",
        "a = 1",
        "١٢",
        "12.50",
        "1e-7",
        "NaN",
        "sNaN",
        "EUR",
    ),
)
"""Texts that programs have been known to stumble over."""


def a_text(random: Random) -> str:
    """Return a text, odd or of random characters."""
    if random.random() < 0.6:
        return random.choice(ODD)
    top = random.choice((0x7F, 0x7F, 0x2FF, 0x10FFFF))
    return "".join(chr(random.randint(0, top)) for _ in range(random.randint(0, 12)))


def a_number(random: Random) -> Any:
    """Return a whole number or a float, of any size."""
    numbers = (0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, 1.5, 100, 0.1 + 0.2)
    return random.choice((*numbers, True, False, float("nan"), float("inf"), random.random()))


def a_value(random: Random, depth: int = 0) -> Any:
    """Return anything that JSON has."""
    kind = random.randint(0, 9 if depth < 4 else 6)
    if kind < 4:
        return a_text(random)
    if kind < 7:
        return a_number(random) if kind < 6 else None
    if kind == 7:
        return {a_text(random): a_value(random, depth + 1) for _ in range(random.randint(0, 3))}
    if kind == 8 and not random.randint(0, 50):
        return deep(random.choice((10, 20, 200)))
    return [a_value(random, depth + 1) for _ in range(random.randint(0, 3))]


def deep(levels: int) -> Any:
    """Return a list in a list in a list."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


# -- documents -----------------------------------------------------------------------------------

SOUND: list[dict[str, Any]] = [
    json.loads(pipeline.to_json())
    for pipeline in (
        Pipeline("s", [Stage("a")]),
        Pipeline(
            "sales",
            [
                Stage("new", "Новая", probability=0.1, limit="14d", steps="call"),
                Stage("offer", requires=("value", "terms.payment"), rules=RULES[0]),
                Stage("old", archived=True, can_win=False),
            ],
            moves="ordered",
            close_reasons={"lost": {"price": "Дорого"}, "void": ["duplicate"]},
            rules=RULES,
        ),
        templates.lead_intake(),
    )
]
SOUND.append(
    {
        "id": "list",
        "stages": [{"id": "a"}, {"id": "b"}],
        "moves": [
            {"source": "a", "target": "b", "name": "go"},
            {"source": ["a", "b"], "target": "won", "rules": ["requires(value)"]},
            {"source": "*", "target": "a"},
        ],
    }
)
KEYS = (
    *("id", "stages", "kind", "label", "moves", "close_reasons", "rules", "probability", "limit", "requires"),
    *("steps", "archived", "can_win", "source", "target", "name", "lost", "won"),
)


def holders(value: Any) -> Iterator[dict[str, Any] | list[Any]]:
    """Yield every table and list in a document."""
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from holders(item)


def mutated(random: Random) -> Any:
    """Return a sound document with one to three things changed."""
    document = json.loads(json.dumps(random.choice(SOUND)))
    for _ in range(random.randint(1, 3)):
        holder = random.choice(list(holders(document)))
        what = random.random()
        if isinstance(holder, dict):
            key = random.choice([*holder, random.choice(KEYS)]) if what < 0.9 else a_text(random)
            if what < 0.2:
                holder.pop(key, None)
            else:
                other = a_value(random) if what < 0.7 else random.choice(list(holders(document)))
                holder[key] = deepcopy(other)
        elif holder and what < 0.3:
            holder.pop(random.randrange(len(holder)))
        elif holder and what < 0.5:
            holder.append(deepcopy(random.choice(holder)))
        else:
            holder.insert(random.randint(0, len(holder)), a_value(random))
    return document


def structure(random: Random) -> Any:
    """Return a document that has little more in common with a pipeline than the keys."""
    return {random.choice(KEYS): a_value(random) for _ in range(random.randint(0, 5))}


def scratched(random: Random, text: str) -> str:
    """Return a text with some of its characters taken out, doubled, moved or replaced."""
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(text))
        end = min(len(text), start + random.choice((0, 1, 1, 2, 10)))
        put = random.choice(("", a_text(random), text[start:end] * 2, random.choice('[]{}"=,:#\n\\')))
        text = text[:start] + put + text[end:]
    return text


def as_toml(document: Any) -> str:
    """Return a document as TOML where that is possible, else as something like it."""
    try:
        return to_toml(document)
    except (RecursionError, AttributeError):
        return str(document)


JSONS = [json.dumps(each) for each in SOUND]
TOMLS = [to_toml(each) for each in SOUND]


def a_document(random: Random) -> tuple[str, Any]:
    """Return (format, text) of a document."""
    way = random.random()
    form = random.choice(("json", "toml"))
    if way < 0.35:
        text: Any = scratched(random, random.choice(JSONS if form == "json" else TOMLS))
    elif way < 0.55:
        text = json.dumps(mutated(random)) if form == "json" else as_toml(mutated(random))
    elif way < 0.7:
        text = json.dumps(structure(random)) if form == "json" else as_toml(structure(random))
    elif way < 0.85:
        text = "".join(a_text(random) for _ in range(random.randint(0, 5)))
    elif way < 0.99:
        text = random.randbytes(random.randint(0, 40)).decode(
            random.choice(("latin-1", "utf-16-le")), "replace"
        )
    else:
        text = random.choice(
            (None, b"{}", 7, "[" * 10_000, "a = " + "[" * 3_000, '{"a":' * 9_000, "\ufeff{}")
        )
    return form, text


READ = {"json": Pipeline.from_json, "toml": Pipeline.from_toml}


def printed(value: Any, depth: int = 0) -> str:
    """Return something as Python, except for the parts of it that cannot be shown."""
    if depth < 4 and type(value) is dict:
        return f"{{{', '.join(f'{shown(key)}: {printed(value[key], depth + 1)}' for key in value)}}}"
    if depth < 4 and type(value) in {list, tuple}:
        return f"[{', '.join(printed(item, depth + 1) for item in value)}]"
    return shown(value, 3_000)


def tried(given: Any, do: Callable[[], Any], seed: int) -> str:
    """Do something; return the name of our error, or ``""``. Anybody else's error is a failure."""
    try:
        do()
    except FunnelkitError as error:
        message = str(error)
        assert message, f"seed {seed}: an error without a message for {printed(given)}"
        assert "cannot be read: " not in message, f"seed {seed}: {message}\n{printed(given)}"
        return type(error).__name__
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error!r} for {printed(given)}") from error
    return ""


def read_and_written(form: str, text: Any) -> None:
    """Read a document; what is accepted comes back from both formats as it went."""
    pipeline = READ[form](text, rules=RULES)
    assert Pipeline.from_json(pipeline.to_json(), rules=RULES) == pipeline
    assert Pipeline.from_toml(pipeline.to_toml(), rules=RULES) == pipeline


def seeded(usual: int) -> tuple[int, Random]:
    """Return the seed that FUNNELKIT_SEED gives, or the usual one, printed, and what it seeds."""
    seed = int(os.environ.get("FUNNELKIT_SEED") or usual)
    print(f"FUNNELKIT_SEED={seed}")
    return seed, Random(seed)


def test_documents(tell: Tell) -> None:
    """Whatever text is given for a pipeline, it is a pipeline or a DefinitionError."""
    seed, random = seeded(21)
    number, found = times(500_000), Counter[str]()
    for _ in range(number):
        form, text = a_document(random)
        found[tried((form, text), lambda form=form, text=text: read_and_written(form, text), seed)] += 1
    assert set(found) <= {"", "DefinitionError"}
    assert found[""] > number / 1_000
    tell("random pipeline documents, JSON and TOML", number, f"{found['']:,} accepted, no crash")


# -- logs and rows -------------------------------------------------------------------------------


class Ambiguous:
    """A cell that is neither equal to itself nor not, as the missing value of a data frame library."""

    def __eq__(self, _: object) -> Any:
        return self

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError


class Mute:
    """A cell that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__


FIRST, LAST = datetime.min, datetime.max  # noqa: DTZ901 (naive is the point)
CELLS: tuple[Any, ...] = (
    *(
        None,
        Ambiguous(),
        Mute(),
        object(),
        b"x",
        {},
        [],
        (),
        {"a": [1]},
        {1: 2},
        {"a.b": 1},
        {1, 2},
        range(3),
    ),
    *(
        10**5_000,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+999999"),
        Decimal("1.005"),
    ),
    *(FIRST, LAST, FIRST.replace(tzinfo=UTC), date.min, date.max, time(), timedelta(1)),
    *(datetime(2025, 3, 30, 2, 30), LAST.replace(tzinfo=timezone(-timedelta(hours=23)))),  # noqa: DTZ001
    *(datetime(2025, 3, 1, tzinfo=UTC), date(2025, 3, 1)),
)


def a_cell(random: Random) -> Any:
    """Return anything."""
    if not random.randint(0, 5_000):
        return deep(2_000)
    return random.choice(CELLS) if random.random() < 0.4 else a_value(random)


SALES = Pipeline("sales", [Stage("new"), Stage("offer")], close_reasons={"lost": ["price"]})
ORDERED = Pipeline(
    "sales", [Stage("new"), Stage("offer")], moves="ordered", rules=requires("owner", on="move")
)
LEADS = Pipeline("sales", [Stage("new"), Stage("offer")], kind="lead")
COLUMNS = ("case", "what", "when", "who", "holder", "title", "sum", "unit", "origin", "born", "size", "terms")
WHOLE: dict[str, Any] = {
    "record": "case",
    "activity": "what",
    "time": "when",
    "stages": {"N": "new", "O": "offer"},
    "outcomes": {"W": "won", "L": ("lost", "price"), "X": "void"},
    "ignore": ("call", "mail *"),
    "zone": UTC,
    "actor": "who",
    "owner": "holder",
    "name": "title",
    "value": "sum",
    "currency": "unit",
    "source": "origin",
    "campaign": "origin",
    "created": "born",
    "custom": ("size", "terms"),
    "blanks": "-",
}
REQUIRED = ("record", "activity", "time", "stages")
FORMATS = ("%Y-%m-%d", "%d.%m.%Y %H:%M", "%", "%Q", "%Y %j", "%Y-%m-%d%z", "\0", "%s", "%Y%Y")


def a_log(random: Random) -> dict[str, Any]:
    """Return the arguments of an `EventLog`: those of a sound one, with up to three of them replaced."""
    arguments = dict(WHOLE)
    for _ in range(random.choice((0, 0, 0, 1, 1, 2, 3))):
        name = random.choice((*arguments, "time_format"))
        way = random.random()
        if way < 0.2:
            arguments.pop(name if name not in REQUIRED else "", None)
        elif way < 0.4:
            arguments[name] = random.choice(COLUMNS)
        elif way < 0.6:
            words = (*"NOWLX", "new", "won", "call")
            arguments[name] = {
                random.choice(words): random.choice((*words, ("lost", "price"), a_cell(random)))
            }
        elif way < 0.7:
            arguments[name] = random.choice(
                (*FORMATS, "Europe/Amsterdam", "Nowhere/At_All", "../etc", "EUR", UTC)
            )
        else:
            arguments[name] = a_cell(random)
    return arguments


USUAL: dict[str, tuple[Any, ...]] = {
    "case": ("a", "b", "c"),
    "what": ("N", "O", "W", "L", "X", "call", "N", "O"),
    "when": ("2025-03-01", "2025-03-02T10:00Z", "01.03.2025 10:00", date(2025, 3, 3), "2025-03-04"),
    "who": ("", "sam"),
    "holder": ("", "ann", "bob"),
    "sum": ("", "5", "-", 7),
    "unit": ("EUR", "JPY"),
    "born": ("", "2025-02-01"),
}


def a_row(random: Random) -> Any:
    """Return a row: a usual one with up to three cells replaced."""
    row: dict[Any, Any] = {column: random.choice(USUAL.get(column, ("", "x"))) for column in COLUMNS}
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        way = random.random()
        if way < 0.9:
            row[random.choice(COLUMNS)] = a_cell(random)
        elif way < 0.97:
            row.pop(random.choice(COLUMNS), None)
        else:
            row[random.choice((None, 5, "more", (1, 2)))] = a_cell(random)
    return row if random.random() < 0.9995 else a_cell(random)


def imported(arguments: dict[str, Any], rows: list[Any], pipeline: Pipeline) -> tuple[int, int]:
    """Import rows, twice; return the numbers of those that were used and that were bad."""
    engine = Engine(pipeline, clock=FrozenClock(datetime(2025, 4, 1, tzinfo=UTC)))
    log = EventLog(**arguments)
    report = import_log(engine, rows, log, pipeline="sales", batch=2)
    fates = report.used + report.repeats + report.present + report.ignored + len(report.bad)
    assert report.rows == len(rows) == fates
    again = import_log(engine, rows, log, pipeline="sales")
    assert (again.records, again.used, again.present) == (0, 0, report.used)
    assert str(again)
    return report.used, len(report.bad)


def test_rows(tell: Tell) -> None:
    """Whatever a log holds and is said to mean, each row has a fate, or the import is refused as a whole."""
    number, done, used, bad = times(500_000), 0, 0, 0
    found = Counter[str]()
    starts = dict(map(seeded, (22, 3634318930)))  # the second has shown a row that was used twice

    def do(arguments: dict[str, Any], rows: list[Any], pipeline: Pipeline) -> None:
        nonlocal used, bad
        told = imported(arguments, rows, pipeline)
        used, bad = used + told[0], bad + told[1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of strptime, for a format without a year
        for seed, random in cycle(starts.items()):
            if done >= number:
                break
            arguments, pipeline = a_log(random), random.choice((SALES, ORDERED, LEADS))
            rows = [a_row(random) for _ in range(random.choice((1, 10, 40)))]
            done += len(rows)
            found[tried((arguments, rows), lambda a=arguments, r=rows, p=pipeline: do(a, r, p), seed)] += 1
    assert set(found) <= {"", "DefinitionError", "InputError", "TimeError"}
    assert min(used, bad) > done / 50
    tell("random rows under random definitions of logs", done, f"{used:,} used, {bad:,} bad, no crash")
