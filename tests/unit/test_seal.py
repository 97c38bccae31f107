"""Sealed moves: the canonical form, recomputed from the file alone, and the chain through every verb."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from funnelkit import Actor, Engine, EventLog, FrozenClock, Money, Move, Pipeline, Stage, import_log, money
from funnelkit.gate.decide import decide
from funnelkit.gate.request import NO_FACTS, Facts, Request
from funnelkit.gate.seal import seal_of
from funnelkit.storage import Commit
from funnelkit.storage.rows import COLUMNS, move_row
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing import sequential_ids
from funnelkit.testing.samples import AT, BIG, TEXTS, a_deal, a_move

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
SALES = Pipeline(
    "sales", [Stage("new", probability=0.1), Stage("offer", probability=1 / 3), Stage("contract")]
)
CARE = Pipeline("care", [Stage("ticket"), Stage("visit")])
INTAKE = Pipeline("intake", [Stage("register"), Stage("assess")], kind="lead")


def recomputed(path: Path, record: str) -> list[tuple[str, str]]:
    """Return (stored, recomputed) of the seals of a record, as an auditor would: with the file alone."""
    columns = (
        "record_id, seq, pipeline, source_pipeline, fingerprint, moved_us, source, target, direction, "
        "since_us, first_visit, furthest_before, furthest_after, created_us, actor, cause, reason, "
        "reason_text, note, overruled, owner, amount, currency, probability, lead_source, campaign, act_key"
    )
    with closing(sqlite3.connect(path)) as connection:
        sql = f"SELECT {columns}, seal, repeat_kind FROM move WHERE record_id = ? ORDER BY seq"
        found = connection.execute(sql, (record,)).fetchall()
    seals, previous = [], ""
    for *row, seal, repeat in found:
        if row[23] is not None:
            row[23] = struct.pack(">d", row[23] + 0.0).hex()
        if repeat:
            row.append(repeat)
        text = json.dumps([previous, *row], ensure_ascii=False, separators=(",", ":"))
        seals.append((seal, hashlib.blake2b(text.encode(), digest_size=16).hexdigest()))
        previous = seal
    return seals


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a file can be."""
    return tmp_path / "crm.db"


def opened(path: Path, clock: FrozenClock | None = None, *, sealed: bool = True) -> Engine:
    """Return an engine over a file."""
    store = SQLiteStore(path, durability="fast")
    ids = sequential_ids() if not sealed else None
    return Engine(SALES, CARE, INTAKE, store=store, clock=clock or FrozenClock(NINE), sealed=sealed, ids=ids)


def everything(engine: Engine, clock: FrozenClock) -> None:
    """Do every verb that writes a move, with text that is hard to write."""
    deal = engine.create(
        TEXTS[0], pipeline="sales", id="d1", owner=TEXTS[1], value=money("900.50", "EUR"), probability=0.1,
        source=TEXTS[4], campaign=TEXTS[2], actor=TEXTS[3], key="k\u2028/1",
    )  # fmt: skip
    clock.tick("1h")
    deal = engine.advance(deal, note="\x01\b\f\n\r\t\x1f\x7f\\\"/'\u2029")
    deal = engine.edit(deal, probability=0, value=None)
    deal = engine.lose(deal, reason=TEXTS[5], note=TEXTS[11])
    deal = engine.transfer(engine.reopen(deal), "care", actor=Actor("kim", roles={"head"}))
    deal = engine.edit(deal, probability=1 / 3)
    engine.void(engine.advance(deal, override=True, reason="so", actor="kim"))
    lead = engine.capture("Ann", id="l1")
    engine.convert(engine.advance(lead), pipeline="sales")
    made = [engine.create("x", pipeline="sales", id=f"b{number}") for number in range(3)]
    engine.bulk("move", made, to="offer", key="bulk")


def test_every_seal_can_be_recomputed_from_the_file(path: Path) -> None:
    """After every verb, with the ten lines of the docstring and nothing of ours."""
    clock = FrozenClock(NINE)
    with opened(path, clock) as engine:
        everything(engine, clock)
        ids = [id for (id,) in engine.store.query("SELECT DISTINCT record_id FROM move", {})]
        assert engine.verify() == ()
        records = {id: engine.get(id) for id in ids}
    assert len(ids) == 6
    for id in ids:
        seals = recomputed(path, id)
        assert all(stored == expected and len(stored) == 32 for stored, expected in seals)
        assert records[id].seal == seals[-1][0]  # type: ignore[union-attr]


def test_a_known_move_has_a_known_seal() -> None:
    """The canonical form does not change: a text written out by hand, its digest by ``b2sum -l 128``."""
    text = (
        '["","d1",1,"sales","sales","0f",1772357400000001,"","new","create",null,1,"","new",'
        '1772357400000001,"sam","user","","","say \\"hi\\"\\n","","",0,"","3fd5555555555555","","",""]'
    )
    move = a_move(note='say "hi"\n', probability=1 / 3)
    assert hashlib.blake2b(text.encode(), digest_size=16).hexdigest() == "6418d33236c0e94181c8aa3148fc8796"
    assert seal_of("", move) == "6418d33236c0e94181c8aa3148fc8796"


def test_a_client_who_comes_again_is_marked_at_the_end() -> None:
    """The same move with the mark has one item more, and no other; its digest by ``b2sum -l 128``."""
    text = (
        '["","d1",1,"sales","sales","0f",1772357400000001,"","new","create",null,1,"","new",'
        '1772357400000001,"sam","user","","","say \\"hi\\"\\n","","",0,"","3fd5555555555555","","","","deal"]'
    )
    move = a_move(note='say "hi"\n', probability=1 / 3, repeat="deal")
    assert hashlib.blake2b(text.encode(), digest_size=16).hexdigest() == "237aad4f38a550b0689d3d6592e1402f"
    assert seal_of("", move) == "237aad4f38a550b0689d3d6592e1402f"


def test_chains_with_marks_can_be_recomputed_and_so_can_those_from_before(path: Path) -> None:
    """A record of each sort, and one whose moves of before have no mark: ``verify`` agrees with the file."""
    moves = [a_move(record, seq) for record in ("d1", "d2") for seq in (1, 2, 3)]
    sealed, previous = [], ""
    for move in moves:
        marked = attrs.evolve(move, repeat="inquiry" if move.record == "d2" else "")
        previous = seal_of("" if move.seq == 1 else previous, marked)
        sealed.append(attrs.evolve(marked, seal=previous))
    with SQLiteStore(path, durability="fast") as store:
        store.commit(Commit(moves=tuple(sealed)))
    for id in ("d1", "d2"):
        seals = recomputed(path, id)
        assert len(seals) == 3
        assert all(stored == expected for stored, expected in seals)


def other(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return AT.replace(microsecond=7)
    return value + 1 if isinstance(value, int | float) else f"{value}x"


FULL: Move = a_move(since=AT, value=Money(5, "EUR"), probability=0.5, key="k")


@pytest.mark.parametrize("field", [each.name for each in attrs.fields(Move) if each.name != "seal"])
def test_every_field_of_a_move_is_in_its_seal(field: str) -> None:
    """A move that differs in one field has another seal."""
    new = Money(6, "EUR") if field == "value" else other(getattr(FULL, field))
    assert seal_of("", attrs.evolve(FULL, **{field: new})) != seal_of("", FULL)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("value", [None, Money(0, "EUR"), Money(0, "USD")]),
        ("probability", [None, 0.0, 5e-324, 1 / 3, 0.1 + 0.2, 0.3]),
        ("since", [None, AT.replace(microsecond=2)]),
        ("note", ["", "null", "0", " "]),
    ],
)
def test_nothing_is_mistaken_for_something(field: str, values: list[Any]) -> None:
    """An absent value, the smallest one and the next one have seals of their own."""
    seals = {seal_of("", attrs.evolve(FULL, **{field: value})) for value in values}
    assert len(seals) == len(values)


def test_texts_cannot_flow_into_each_other() -> None:
    """What stands at the end of one field is not what stands at the beginning of the next."""
    one = attrs.evolve(FULL, note='a","b', overruled="")
    other = attrs.evolve(FULL, note="a", overruled='b","')
    assert seal_of("", one) != seal_of("", other)


def test_the_seal_before_counts() -> None:
    """The same move after another seal has another seal; its own seal does not count."""
    assert seal_of("", FULL) != seal_of("0" * 32, FULL)
    assert seal_of("", attrs.evolve(FULL, seal="x")) == seal_of("", FULL)


@pytest.mark.parametrize(("value", "same"), [(0, 0.0), (-0.0, 0.0), (1, 1.0)])
def test_a_probability_is_sealed_as_it_is_stored(value: float, same: float) -> None:
    """Whole numbers and minus zero come back from a store as plain fractions."""
    assert seal_of("", attrs.evolve(FULL, probability=value)) == seal_of(
        "", attrs.evolve(FULL, probability=same)
    )


def test_the_columns_are_sealed_in_the_order_of_the_table() -> None:
    """The items of the array are the row as it is stored, probability written apart, without the seal.

    The mark of a client who comes again stands behind the seal, and ends the array.
    """
    times = {"since": AT.replace(hour=1), "created": AT.replace(hour=2)}
    full: dict[str, Any] = {"value": Money(-BIG, "KWD"), "probability": 0.25, "repeat": "inquiry"}
    move = a_move(seq=BIG, first=False, **full, **times, **NAMED)
    row = [*move_row(move)]
    row.pop(COLUMNS["move"].index("seal"))
    row[COLUMNS["move"].index("probability")] = struct.pack(">d", 0.25).hex()
    text = json.dumps(["p", *row], ensure_ascii=False, separators=(",", ":"))
    assert len({*row}) == len(row)  # no two could change places unseen
    assert seal_of("p", move) == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


NAMED: dict[str, Any] = {
    each.name: each.name
    for each in attrs.fields(Move)
    if each.type == "str" and each.name not in {"record", "direction", "seal"}
}


# -- when it is on ---------------------------------------------------------------------------------


def seals(engine: Engine, id: str) -> list[bool]:
    """Return which moves of a record have a seal."""
    return [bool(move.seal) for move in engine.history(id)]


def test_it_is_off_by_default(path: Path) -> None:
    """Without being asked for, no move and no record has a seal."""
    clock = FrozenClock(NINE)
    with opened(path, clock, sealed=False) as engine:
        everything(engine, clock)
        for table in ("move", "deal", "lead"):
            assert engine.store.query(f"SELECT DISTINCT seal FROM {table}", {}) == [("",)]


def all_but_seal(table: str) -> str:
    """Return the columns of a table that a seal changes nothing of."""
    return ", ".join(column for column in COLUMNS[table] if column != "seal")


def test_the_seal_is_all_that_differs(tmp_path: Path) -> None:
    """An engine with seals writes the same moves and records as one without."""
    written = []
    for sealed in (False, True):
        clock = FrozenClock(NINE)
        store = SQLiteStore(tmp_path / f"{sealed}.db", durability="fast")
        with Engine(
            SALES, CARE, INTAKE, store=store, clock=clock, sealed=sealed, ids=sequential_ids()
        ) as engine:
            everything(engine, clock)
            written.append(
                {
                    table: store.query(f"SELECT {all_but_seal(table)} FROM {table} ORDER BY 1, 2", {})
                    for table in ("move", "deal", "lead")
                }
            )
    assert written[0] == written[1]


def test_a_chain_begins_at_the_next_move(path: Path) -> None:
    """Records that were there before begin their chains when they are moved next; edits begin none."""
    with opened(path, sealed=False) as engine:
        engine.advance(engine.create("x", pipeline="sales", id="d1"))
    with opened(path) as engine:
        engine.edit(engine.get("d1"), name="y")
        assert engine.get("d1").seal == ""  # type: ignore[union-attr]
        engine.advance("d1")
        assert seals(engine, "d1") == [False, False, True]
        assert engine.verify() == ()
        assert engine.history("d1")[-1].seal == seal_of("", engine.history("d1")[-1])


@pytest.mark.parametrize(
    "act",
    [
        lambda engine: engine.move("d1", "contract"),
        lambda engine: engine.win("d1"),
        lambda engine: engine.lose("d1"),
        lambda engine: engine.void("d1"),
        lambda engine: engine.transfer("d1", "care"),
        lambda engine: engine.bulk("advance", ["d1"]),
        lambda engine: (engine.lose("d1"), engine.reopen("d1")),
    ],
    ids=["move", "win", "lose", "void", "transfer", "bulk", "reopen"],
)
def test_a_chain_never_stops(act: Callable[[Engine], Any], path: Path) -> None:
    """An engine that was not asked for seals goes on with those that are there."""
    with opened(path) as engine:
        engine.advance(engine.create("x", pipeline="sales", id="d1"))
    with opened(path, sealed=False) as engine:
        act(engine)
        assert all(seals(engine, "d1"))
        assert engine.verify() == ()
        assert seals(engine, engine.create("y", pipeline="sales").id) == [False]


def test_edits_keep_the_seal(path: Path) -> None:
    """What is no move leaves the last seal on the record."""
    with opened(path) as engine:
        deal = engine.create("x", pipeline="sales")
        assert (
            engine.assign(engine.edit(deal, name="y", value=money(1, "EUR")), "kim").seal == deal.seal != ""
        )
        assert engine.verify() == ()


def test_a_chain_runs_through_acts_that_are_written_once() -> None:
    """Acts one upon the other, of which only the last record is stored, as in an import: each seal fits."""
    asked: dict[str, Any] = {"actor": Actor("sam"), "at": AT, "cause": "import", "sealed": True}
    draft = a_deal(visited=(), moves=0)
    decision = decide(SALES, draft, Request(verb="create", **asked))
    moves = [decision.move]
    for verb, what in (
        ("move", {"target": "offer"}),
        ("edit", {"edits": {"name": "y"}}),
        ("lose", {}),
        ("reopen", {}),
        ("transfer", {"destination": CARE, "target": "ticket"}),
    ):
        history = tuple(move for move in moves if move)
        request = Request(verb=verb, **asked, **what)
        facts = Facts(history=history) if verb == "transfer" else NO_FACTS
        decision = decide(SALES, decision.record, request, facts)
        moves += [decision.move] if decision.move else []
    previous = ""
    for move in moves:
        assert move is not None
        assert move.seal == seal_of(previous, move)
        previous = move.seal
    assert len(moves) == 5
    assert decision.record.seal == previous


def test_an_import_is_sealed_too(path: Path) -> None:
    """Over two imports of one log: new, offer, won, open again. The record has the seal of its last move."""
    log = EventLog(
        record="case", activity="what", time="at", stages={"n": "new", "o": "offer"}, outcomes={"w": "won"}
    )
    days = [("n", "2026-01-01"), ("o", "2026-01-02"), ("w", "2026-01-03"), ("o", "2026-01-04")]
    rows = [
        {"case": case, "what": what, "at": f"{day}T09:00:00Z"} for what, day in days for case in ("c1", "c2")
    ]
    with opened(path) as engine:
        import_log(engine, rows[:4], log, pipeline="sales")
        import_log(engine, rows, log, pipeline="sales")
        assert engine.verify() == ()
        last = engine.get("c1").seal  # type: ignore[union-attr]
    seals = recomputed(path, "c1")
    assert [stored == expected for stored, expected in seals] == [True] * 4
    assert seals[-1][0] == last != ""
