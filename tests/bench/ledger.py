"""A long ledger out of a seeded generator, and the same events bare: what reading is measured on.

A million deals make about eleven million moves over two years: five stages and the outcomes, forward
0.515, past one stage 0.035, back 0.415, an end 0.035; log-normal stays with medians of 2, 4, 6, 8 and 5
days; the log is cut at the last day, so recent deals are open. Some deals are handed over, become void,
are reopened. The rows carry exactly the facts that the engine would have written: `Engine.verify` agrees.
Needs numpy.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from funnelkit import Pipeline, Stage
from funnelkit.storage.rows import COLUMNS
from funnelkit.storage.sqlite import SQLiteStore

SEED = 20240607
MOVES_OF_A_DEAL = 11
STAGES = ("new", "qualified", "proposal", "contract", "payment")
LEDGER = Pipeline(
    "sales", [Stage(stage) for stage in STAGES], moves="free", close_reasons={"lost": ["price"]}
)
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000
DAYS = 730
NOW = START + DAYS * DAY

OWNERS = tuple(f"person{n:02}" for n in range(50))
SOURCES = ("web", "fair", "phone", "mail", "partner", "shop", "chat", "visit", "friend", "other")
CAMPAIGNS = ("", "spring", "summer", "autumn", "winter", "launch")
REPEATS = ("", "deal", "inquiry")
CURRENCIES = ("EUR", "USD", "RUB")
PLACES = ("", *STAGES, "won", "lost", "void")
DIRECTIONS = ("create", "forward", "skip", "back", "close", "reopen")
WON, LOST, VOID = 6, 7, 8
_MEDIANS = np.array([0, 2, 4, 6, 8, 5, 60, 19, 19])  # days on a place, the outcomes until they are reopened
_REOPENED = {WON: 0.01, LOST: 0.06, VOID: 0.05}
_VOID_ENDS = 0.03
HANDED_OVER = 0.05


class Events(NamedTuple):
    """Bare events in the order of their time, and of which deal they are the how-manieth."""

    deal: Any
    seq: Any
    moved: Any
    target: Any


class Deals(NamedTuple):
    """What deals have from birth, one number a deal."""

    created: Any
    owner: Any
    next_owner: Any
    handed: Any  # the move from which on next_owner has it
    source: Any
    campaign: Any
    repeat: Any
    amount: Any
    currency: Any


def drawn(deals: int) -> tuple[Deals, Events]:
    """Draw the life of so many deals."""
    random = np.random.default_rng(SEED)
    born = Deals(
        created=np.sort(START + random.integers(0, DAYS * DAY, deals)),
        owner=random.integers(0, len(OWNERS), deals),
        next_owner=random.integers(0, len(OWNERS), deals),
        handed=np.where(random.random(deals) < HANDED_OVER, random.integers(2, 9, deals), 1 << 30),
        source=random.integers(0, len(SOURCES), deals),
        campaign=random.integers(0, len(CAMPAIGNS), deals),
        repeat=np.where(random.random(deals) < 0.2, random.integers(1, 3, deals), 0),
        amount=np.exp(random.normal(11, 1, deals)).astype(np.int64),
        currency=random.choice(3, deals, p=(0.8, 0.15, 0.05)),
    )
    return born, _lived(random, born.created)


def _lived(random: np.random.Generator, created: Any) -> Events:
    """Let all deals live, one move each at a time."""
    deal = np.arange(len(created))
    place = np.ones(len(deal), np.int8)
    died, moved, seq, parts = place, created, 1, []
    while len(deal):
        parts.append((deal, np.full(len(deal), seq, np.int32), moved, place))
        stay = np.exp(random.normal(0, 1, len(deal))) * _MEDIANS[place] * DAY
        target = _next(random, place, died)
        died = np.where(place <= len(STAGES), place, died)
        moved = moved + stay.astype(np.int64)
        keep = (target > 0) & (moved < NOW)
        deal, died, moved, place = deal[keep], died[keep], moved[keep], target[keep]
        seq += 1
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[0], columns[1], columns[2]))
    return Events(*(column[order] for column in columns))


def _next(random: np.random.Generator, place: Any, died: Any) -> Any:
    """Return where each deal goes next; 0 where it stays for good."""
    throw = random.random(len(place))
    ends = np.where(random.random(len(place)) < _VOID_ENDS, VOID, LOST)
    back = np.where(place > 1, place - 1, 2)
    target = np.select(
        [throw < 0.515, throw < 0.55, throw < 0.965], [place + 1, np.minimum(place + 2, WON), back], ends
    )
    for outcome, share in _REOPENED.items():
        target = np.where(place == outcome, np.where(throw < share, died, 0), target)
    return target.astype(np.int8)


class Facts(NamedTuple):
    """What the ledger carries beside an event: numbers of places, instants and deals' own values."""

    source: Any
    direction: Any
    since: Any
    first: Any
    before: Any
    after: Any
    owner: Any


def carried(born: Deals, events: Events) -> Facts:
    """Work the facts out, move by move of every deal."""
    order = np.lexsort((events.seq, events.deal))
    deal, seq, moved, target = (column[order] for column in events)
    create = seq == 1
    source = np.where(create, 0, np.concatenate([[0], target[:-1]]))
    since = np.where(create, 0, np.concatenate([[0], moved[:-1]]))
    bit = np.left_shift(1, target.astype(np.int64))
    first, before, after = _furthest(create, target, bit)
    direction = np.select(
        [create, target >= WON, source >= WON, target < source, target > source + 1],
        [0, 4, 5, 3, 2],
        1,
    )
    owner = np.where(seq >= born.handed[deal], born.next_owner[deal], born.owner[deal])
    facts = (source, direction, since, first, before, after, owner)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Facts(*(column[back] for column in facts))


def _furthest(create: Any, target: Any, bit: Any) -> tuple[Any, Any, Any]:
    """Return first visits, and how far a deal was before and after; rows are in order of deal and seq."""
    starts = np.flatnonzero(create)
    own = np.cumsum(create) - 1
    visits = np.stack([_running(target == place, starts, own) for place in range(1, VOID + 1)])
    first = visits[target - 1, np.arange(len(target))] == 1
    now = np.max([np.where(visits[n - 1] > 0, n, 0) for n in range(1, len(STAGES) + 1)], axis=0)
    before = np.where(create, 0, np.concatenate([[0], now[:-1]]))
    return first, before, np.where(target == WON, WON, now)


def _running(what: Any, starts: Any, own: Any) -> Any:
    """Count what is true, from the start of each deal on."""
    total = np.cumsum(what)
    return total - (total[starts] - what[starts])[own]


# -- the file ----------------------------------------------------------------------------------

_MOVE = """
INSERT INTO move (position, record_id, seq, pipeline, source_pipeline, fingerprint, moved_us, source, target,
    direction, since_us, first_visit, furthest_before, furthest_after, created_us, actor, cause, reason,
    reason_text, note, overruled, owner, amount, currency, lead_source, campaign, act_key, repeat_kind)
VALUES (?, ?, ?, 'sales', 'sales', '{fingerprint}', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'import', ?, ?, '', '', ?,
    ?, ?, ?, ?, '', ?)
"""
_EVENT = "INSERT INTO event (position, deal, stage, moved_us) VALUES (?, ?, ?, ?)"
_BARE = "CREATE TABLE event (position INTEGER PRIMARY KEY, deal INTEGER, stage INTEGER, moved_us INTEGER)"
_AT_ONCE = 200_000


def made(path: Path, deals: int, *, witnesses: bool = False) -> int:
    """Write the ledger of so many deals into a new file; return the number of moves.

    Args:
        path: The file; beside it, in ``<path>.events``, stand the bare events, by deal and time.
        deals: How many.
        witnesses: Write deals and changes, too, so that the file verifies; metrics do not read them.
    """
    born, events = drawn(deals)
    facts = carried(born, events)
    ids = ids_of(born.created)
    SQLiteStore(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -2000000"):
        connection.execute(f"PRAGMA {pragma}")
    named = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'move' AND type <> 'table'"
    after = [each for each in connection.execute(named).fetchall() if each[2]]
    for kind, name, _ in after:
        connection.execute(f"DROP {kind} {name}")
    document = LEDGER.to_json()
    connection.execute("BEGIN")
    connection.execute("INSERT INTO definition VALUES (?, 'sales', ?)", (LEDGER.fingerprint, document))
    insert = _MOVE.format(fingerprint=LEDGER.fingerprint)
    for rows in _rows(ids, born, events, facts):
        connection.executemany(insert, rows)
    connection.executemany(
        "INSERT INTO attribute (record_id, field_name, field_value, amount, since_us) "
        "VALUES (?, 'owner', ?, 0, ?)",
        _hand_overs(ids, born, events),
    )
    if witnesses:
        _witnesses(connection, ids, born)
    connection.execute("COMMIT")
    for _, _, sql in after:
        connection.execute(sql)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    _bare(path.with_name(f"{path.name}.events"), events)
    return len(events.deal)


def ids_of(created: Any) -> list[str]:
    """Return ids in the form of the engine's own: 31 signs, in the order of creation."""
    return [f"deal_{us // 1000:014x}{n:012}" for n, us in enumerate(created.tolist())]


def _parts(length: int) -> Iterator[slice]:
    for start in range(0, length, _AT_ONCE):
        yield slice(start, start + _AT_ONCE)


def _rows(ids: Sequence[str], born: Deals, events: Events, facts: Facts) -> Iterator[Iterator[Any]]:
    id_of = np.array(ids, dtype=object)
    places, directions = np.array(PLACES, dtype=object), np.array(DIRECTIONS, dtype=object)
    owners, sources = np.array(OWNERS, dtype=object), np.array(SOURCES, dtype=object)
    campaigns, repeats = np.array(CAMPAIGNS, dtype=object), np.array(REPEATS, dtype=object)
    currencies = np.array(CURRENCIES, dtype=object)
    for part in _parts(len(events.deal)):
        deal, seq, moved, target = (column[part] for column in events)
        source, direction, since, first, before, after, owner = (column[part] for column in facts)
        reason = np.where(target == LOST, "price", "").astype(object)
        yield zip(
            range(part.start + 1, part.stop + 1),
            *(
                column.tolist()
                for column in (
                    *(id_of[deal], seq, moved, places[source], places[target], directions[direction]),
                    np.where(since == 0, None, since.astype(object)),
                    *(first.astype(int), places[before], places[after], born.created[deal]),
                    *(owners[owner], reason, reason, owners[owner], born.amount[deal]),
                    *(currencies[born.currency[deal]], sources[born.source[deal]]),
                    *(campaigns[born.campaign[deal]], repeats[born.repeat[deal]]),
                )
            ),
            strict=False,
        )


def _hand_overs(ids: Sequence[str], born: Deals, events: Events) -> list[tuple[Any, ...]]:
    """Return the edits of owners: each at the instant of the move before the first by the new one."""
    given = (events.seq == born.handed[events.deal] - 1) & _differs(born)[events.deal]
    return [
        (ids[deal], OWNERS[born.next_owner[deal]], moved)
        for deal, moved in zip(events.deal[given].tolist(), events.moved[given].tolist(), strict=True)
    ]


def _differs(born: Deals) -> Any:
    return born.owner != born.next_owner


def _bare(path: Path, events: Events) -> None:
    """Write the bare events, clustered by deal and time, as somebody would keep them for such questions."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute(_BARE)
    connection.execute("BEGIN")
    order = np.lexsort((events.seq, events.deal))
    deal, moved, target = events.deal[order], events.moved[order], events.target[order]
    for part in _parts(len(order)):
        columns = (column[part].tolist() for column in (deal, target, moved))
        numbers = range(part.start + 1, part.stop + 1)
        connection.executemany(_EVENT, zip(numbers, *columns, strict=False))
    connection.execute("CREATE INDEX event_of ON event (deal, moved_us, stage)")
    connection.execute("COMMIT")
    connection.close()


# -- the witnesses -----------------------------------------------------------------------------

_OF_DEAL = "FROM move WHERE record_id = ? ORDER BY seq"
_READ = f"SELECT seq, moved_us, source, target, direction, reason, owner {_OF_DEAL}"
_CHANGES = {"create": "DealCreated", "reopen": "DealReopened"}
_ENDS = {"won": "DealWon", "lost": "DealLost", "void": "DealVoided"}


def _witnesses(connection: sqlite3.Connection, ids: Sequence[str], born: Deals) -> None:
    """Write the deals and the changes that go with the moves that are there."""
    for number, id in enumerate(ids):
        moves = connection.execute(_READ, (id,)).fetchall()
        hand_over = born.handed[number] - 1 if _differs(born)[number] else 0
        told: list[tuple[str, int, str, dict[str, str]]] = []
        for seq, moved, source, target, direction, reason, owner in moves:
            name = _ENDS.get(target) or _CHANGES.get(direction, "DealMoved")
            told.append((name, moved, owner, {"source": source, "target": target, "reason": reason}))
            if seq == hand_over:
                new = OWNERS[born.next_owner[number]]
                said = {"source": owner, "target": new, "reason": "", "overruled": ""}
                told.append(("RecordAssigned", moved, owner, said))
        changes = [
            (name, id, version, moved, actor, json.dumps(body, separators=(",", ":")))
            for version, (name, moved, actor, body) in enumerate(told, 1)
        ]
        _insert(connection, "change", changes)
        owner = told[-1][3]["target"] if told[-1][0] == "RecordAssigned" else moves[-1][6]
        _insert(connection, "deal", [_deal(id, owner, len(told), moves, _of_deal(born, number))])


def _of_deal(born: Deals, number: int) -> dict[str, Any]:
    return {
        "created_us": int(born.created[number]),
        "amount": int(born.amount[number]),
        "currency": CURRENCIES[born.currency[number]],
        "lead_source": SOURCES[born.source[number]],
        "campaign": CAMPAIGNS[born.campaign[number]],
        "repeat_kind": REPEATS[born.repeat[number]],
    }


def _deal(id: str, owner: str, version: int, moves: Sequence[Any], known: dict[str, Any]) -> tuple[Any, ...]:
    *_, last = moves
    target, closed = last[3], last[3] in _ENDS
    values = {
        **dict.fromkeys(COLUMNS["deal"], ""),
        **known,
        "id": id,
        "name": id,
        "version": version,
        "pipeline": "sales",
        "stage": last[2] if closed else target,
        "visited": " ".join(dict.fromkeys(move[3] for move in moves)),
        "moves": len(moves),
        "owner": owner,
        "probability": None,
        "entered_us": last[1],
        "updated_us": last[1],
        "outcome": target if closed else "",
        "close_reason": last[5],
        "close_reason_text": last[5],
        "closed_us": last[1] if closed else None,
        "closed_by": last[6] if closed else "",
        "custom": "{}",
    }
    return tuple(values[column] for column in COLUMNS["deal"])


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    names = COLUMNS[table]
    marks = ", ".join("?" * len(names))
    connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
