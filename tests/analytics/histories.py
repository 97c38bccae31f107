"""Bare histories, as a person would write them down, and the ledger rows they stand for.

`feed` is the only door from a history to what the metrics read; whatever else can feed the same
tables can take its place.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from funnelkit.analytics import Analytics, Shape
from funnelkit.clock import FrozenClock

SCHEMA = Path(__file__).parents[2] / "src" / "funnelkit" / "storage" / "schema.sql"
START = datetime(2026, 1, 1, tzinfo=UTC)
PIPELINES = {"sales": ("new", "call", "offer", "deal"), "care": ("start", "new", "end")}
OUTCOMES = {"won", "lost", "void"}


class Place(NamedTuple):
    """At hour ``t`` the record is put on a place."""

    t: float
    pipeline: str
    place: str
    reason: str = ""


class Edit(NamedTuple):
    """At hour ``t`` a field gets a value: owner, source, campaign, value, or custom.<name>."""

    t: float
    field: str
    value: Any


class Record(NamedTuple):
    """One record: where it came from, and all that happened to it, in order."""

    id: str
    created: float
    owner: str
    value: tuple[str, int]
    source: str
    campaign: str
    custom: dict[str, Any]
    events: tuple[Place | Edit, ...]
    repeat: str = ""


class Database:
    """Answers a SELECT from an SQLite database in memory, and remembers every text it was given."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.executescript(SCHEMA.read_text("utf-8"))
        self.texts: set[str] = set()

    def query(self, sql: str, params: Any) -> list[tuple[Any, ...]]:
        """Return the rows."""
        self.texts.add(sql)
        return self.connection.execute(sql, params).fetchall()

    def __del__(self) -> None:
        self.connection.close()


def hour(t: float) -> datetime:
    """Return the instant of an hour of the histories."""
    return START + timedelta(hours=t)


def micros(t: float) -> int:
    """Return the same in microseconds since 1970."""
    return round((hour(t) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def feed(records: list[Record], pipelines: dict[str, tuple[str, ...]] = PIPELINES) -> Database:
    """Return a database whose ledger tells these histories, written in the order of time."""
    database = Database()
    for insert, row in written(records, pipelines):
        database.connection.execute(insert, row)
    return database


def written(
    records: list[Record], pipelines: dict[str, tuple[str, ...]] = PIPELINES
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is written to tell these histories, in the order of time: an INSERT and its row."""
    rows: list[tuple[float, str, dict[str, Any]]] = []
    for record in records:
        rows += _Ledger(record, pipelines).rows
    for _, table, row in sorted(rows, key=lambda item: item[0]):
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        yield f"INSERT INTO {table} ({names}) VALUES ({marks})", row


def analytics(
    records: list[Record], pipelines: dict[str, tuple[str, ...]] = PIPELINES, *, now: float = 10_000
) -> Analytics:
    """Return the metrics over these histories."""
    shapes = [
        Shape(pipeline=name, stages=tuple((stage, "") for stage in stages), probabilities={stages[0]: 0.25})
        for name, stages in pipelines.items()
    ]
    return Analytics(feed(records, pipelines), shapes, FrozenClock(hour(now)))


class _Ledger:
    """Writes the rows of one record, event by event."""

    def __init__(self, record: Record, pipelines: dict[str, tuple[str, ...]]) -> None:
        self.record, self.pipelines = record, pipelines
        self.owner, self.value = record.owner, record.value
        self.source, self.campaign = record.source, record.campaign
        self.visited: dict[str, list[str]] = {name: [] for name in pipelines}
        self.pipeline = self.place = self.stage = ""
        self.since: int | None = None
        self.rows: list[tuple[float, str, dict[str, Any]]] = []
        seq = 0
        for event in record.events:
            if isinstance(event, Edit):
                self.edit(event)
                continue
            seq += 1
            self.move(event, seq)
            for name, value in record.custom.items() if seq == 1 else ():
                self.attribute(event.t, f"custom.{name}", _json(value))

    def edit(self, event: Edit) -> None:
        """Write what was edited."""
        if event.field == "owner":
            self.owner = event.value
            self.attribute(event.t, "owner", self.owner)
        elif event.field == "value":
            self.value = event.value
            self.attribute(event.t, "value", *self.value)
        elif event.field in ("source", "campaign"):
            setattr(self, event.field, event.value)
            self.attribute(event.t, event.field, event.value)
        else:
            self.attribute(event.t, event.field, _json(event.value))

    def attribute(self, t: float, field: str, text: str, number: int = 0) -> None:
        """Write one value of a field."""
        row = {"record_id": self.record.id, "field_name": field, "field_value": text, "amount": number}
        self.rows.append((t, "attribute", row | {"since_us": micros(t)}))

    def furthest(self, pipeline: str) -> str:
        """Return the furthest stage of a pipeline so far."""
        order = self.pipelines[pipeline]
        return max((p for p in self.visited[pipeline] if p in order), key=order.index, default="")

    def direction(self, event: Place, seq: int) -> str:
        """Return how the places of a move lie to each other."""
        if seq == 1 or event.pipeline != self.pipeline:
            return "create" if seq == 1 else "transfer"
        if OUTCOMES & {event.place, self.place}:
            return "close" if event.place in OUTCOMES else "reopen"
        order = self.pipelines[event.pipeline]
        ahead = order.index(event.place) - order.index(self.stage)
        return "back" if ahead < 0 else "forward" if ahead == 1 else "skip"

    def move(self, event: Place, seq: int) -> None:
        """Write one move with the facts it carries."""
        direction, before = self.direction(event, seq), self.furthest(event.pipeline)
        first = event.place not in self.visited[event.pipeline]
        if first:
            self.visited[event.pipeline].append(event.place)
        row = {
            "record_id": self.record.id,
            "seq": seq,
            "pipeline": event.pipeline,
            "source_pipeline": self.pipeline or event.pipeline,
            "fingerprint": "",
            "moved_us": micros(event.t),
            "source": self.place,
            "target": event.place,
            "direction": direction,
            "since_us": self.since,
            "first_visit": int(first),
            "furthest_before": before,
            "furthest_after": "won" if event.place == "won" else self.furthest(event.pipeline),
            "created_us": micros(self.record.created),
            **dict.fromkeys(("actor", "cause", "note", "overruled", "act_key"), ""),
            "reason": event.reason,
            "reason_text": event.reason.upper(),
            "owner": self.owner,
            "currency": self.value[0],
            "amount": self.value[1],
            "lead_source": self.source,
            "campaign": self.campaign,
            "repeat_kind": self.record.repeat,
        }
        self.rows.append((event.t, "move", row))
        self.pipeline, self.place, self.since = event.pipeline, event.place, micros(event.t)
        self.stage = self.stage if event.place in OUTCOMES else event.place


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@st.composite
def histories(draw: st.DrawFn, most: int = 6) -> list[Record]:
    """Draw records that were moved every way there is, closed, reopened and edited, often at one instant."""
    return [draw(_record(f"deal_{n}")) for n in range(draw(st.sampled_from([0, 3, 5, most])))]


_OWNERS = st.sampled_from(["ann", "bob", ""])
_VALUES = st.tuples(st.sampled_from(["EUR", "USD"]), st.integers(-500, 500)) | st.just(("", 0))


@st.composite
def _record(draw: st.DrawFn, name: str) -> Record:
    t = draw(st.integers(0, 10))
    created = t + draw(st.sampled_from([0, 0, 0, 6]))
    pipeline = draw(st.sampled_from(["sales", "sales", "sales", "care"]))
    place = stage = draw(st.sampled_from([PIPELINES[pipeline][0], *PIPELINES[pipeline]]))
    events: list[Place | Edit] = [Place(t, pipeline, place)]
    for _ in range(draw(st.sampled_from([0, 2, 4, 6, 8, 10]))):
        t += draw(st.sampled_from([0, 0, 0, 1, 1, 2, 5]))
        act = draw(
            st.sampled_from(["move"] * 6 + ["close"] * 4 + ["transfer", "value", *["owner", "custom"] * 2])
        )
        if act == "owner":
            events.append(Edit(t, "owner", draw(_OWNERS)))
        elif act == "value":
            events.append(Edit(t, "value", draw(_VALUES)))
        elif act == "custom":
            events.append(Edit(t, "custom.segment", draw(st.sampled_from(["smb", "big", None, 5]))))
        elif place in OUTCOMES:
            place = stage
            events.append(Place(t, pipeline, place))
        elif act == "close":
            place = draw(st.sampled_from(["won", "won", "lost", "lost", "void"]))
            reason = draw(st.sampled_from(["price", "rival"])) if place == "lost" else ""
            events.append(Place(t, pipeline, place, reason))
        elif act == "transfer":
            pipeline = "care" if pipeline == "sales" else "sales"
            place = stage = draw(st.sampled_from(PIPELINES[pipeline]))
            events.append(Place(t, pipeline, place))
        else:
            place = stage = draw(st.sampled_from([p for p in PIPELINES[pipeline] if p != stage]))
            events.append(Place(t, pipeline, place))
    return Record(
        id=name,
        created=created,
        owner=draw(_OWNERS),
        value=draw(_VALUES),
        source=draw(st.sampled_from(["web", "fair"])),
        campaign=draw(st.sampled_from(["", "spring"])),
        custom=draw(st.sampled_from([{}, {"segment": "smb"}, {"segment": "big"}])),
        events=tuple(events),
        repeat=draw(st.sampled_from(["", "", "deal", "inquiry"])),
    )
