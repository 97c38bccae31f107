"""Everything of one store into another: to move house, and to bring a copy up to date.

All is read through the store port, page by page, so that any store can be copied into any other.
What is there already is recognised by its own name (a record's version, the number of a move, the id
of an activity, a key) and left out. So a copy that was cut off goes on where it was, and what the
source has learned meanwhile comes over when it is copied again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import attrs

from funnelkit.changes import Change
from funnelkit.errors import InputError
from funnelkit.progress import Progress, shower
from funnelkit.sql import in_list
from funnelkit.storage import rows, scanning
from funnelkit.storage.base import KINDS, Commit, Kind, Store, Write
from funnelkit.storage.rows import COLUMNS, Row

__all__ = ["Copied", "copy_store", "is_level", "last_change", "position_of"]

_BATCH = 500  # rows a page and a commit; old SQLite libraries allow 999 parameters


@attrs.frozen(kw_only=True)
class Copied:
    """How many rows of each sort a copy brought over; what was there already is not counted.

    >>> print(Copied(records=2, moves=5))
    copied: records 2, moves 5
    >>> print(Copied())
    copied: nothing, all was there
    """

    records: int = 0
    moves: int = 0
    activities: int = 0
    attributes: int = 0
    changes: int = 0
    answers: int = 0
    definitions: int = 0
    keys: int = 0

    def __add__(self, other: Copied) -> Copied:
        ours, theirs = attrs.astuple(self), attrs.astuple(other)
        return Copied(**dict(zip(_PARTS, map(sum, zip(ours, theirs, strict=True)), strict=True)))

    def __str__(self) -> str:
        said = [f"{name} {count:,}" for name, count in attrs.asdict(self).items() if count]
        return f"copied: {', '.join(said) or 'nothing, all was there'}"


_PARTS = tuple(field.name for field in attrs.fields(Copied))


def copy_store(source: Store, target: Store, progress: Progress | Literal[True] | None = None) -> Copied:
    """Copy everything that a store holds into another one; return what was missing there.

    The way from one kind of store to another, SQLite to PostgreSQL for example. Killed anywhere and
    run again it goes on; when it has ended, the target equals the source as it was when the copying
    began. The source may be written meanwhile: run it again to bring that over, at last with the
    writers at rest. Nobody else may write to the target until then.

    The feed keeps its order, and its changes come last, so that they announce only what is there.
    The stores of funnelkit number changes without gaps, so each change also keeps its position, and
    who follows the feed may go on in the copy. A store of somebody else's whose numbering has gaps is
    copied without them: who follows must find its place there anew.

    Args:
        source: The store to read.
        target: An empty store, or an earlier copy of the same source.
        progress: Called with the number of rows looked at and the number of rows in the source;
            True draws a bar on stderr if that is a terminal.

    Raises:
        InputError: The target holds something that the source does not; or ``progress`` cannot be called.
        StoreError: One of the two stores failed. Run it again.

    >>> from funnelkit import Engine, MemoryStore, Pipeline, Stage
    >>> from funnelkit import copy_store
    >>> engine = Engine(Pipeline("sales", [Stage("new"), Stage("offer")]))
    >>> deal = engine.advance(engine.create("Acme"))
    >>> target = MemoryStore()
    >>> print(copy_store(engine.store, target))
    copied: records 1, moves 2, changes 2, definitions 1
    >>> print(copy_store(engine.store, target))
    copied: nothing, all was there
    """
    show = shower(progress)
    total = sum(source.query(f"SELECT COUNT(*) FROM {table}", {})[0][0] for table in COLUMNS)
    done, copied = 0, Copied()
    for looked_at, missing in _parts(source, target):
        if missing != _NOTHING:
            target.commit(missing)
            copied += _counted(missing)
        done += looked_at
        show(done, max(total, done))
    return copied


def is_level(source: Store, target: Store) -> bool:
    """Whether the feed of a copy ends where that of its source does: then all of it is there."""
    last = last_change(target)
    return last == last_change(source) and (last is None or _count(source) == _count(target))


def last_change(store: Store) -> Change | None:
    """Return the last change of a feed; stores that number changes when they are read have done so then."""
    last = None
    after = max(0, (store.query("SELECT MAX(position) FROM change", {})[0][0] or 0) - 1)
    while page := store.changes(after=after):
        last = page[-1]
        after = last.position
    return last


def position_of(change: Change | None) -> int:
    """Return the position of a change that was read from a feed; 0 for none."""
    return change.position if change is not None else 0


_NOTHING = Commit()


def _counted(commit: Commit) -> Copied:
    return Copied(
        records=len(commit.writes),
        **{part: len(getattr(commit, part)) for part in _PARTS if part != "records"},
    )


def _parts(source: Store, target: Store) -> Iterator[tuple[int, Commit]]:
    """Yield, page by page, how many rows were looked at and those of them that the target lacks."""
    _end_of_copy(source, target)  # before anything is written: is this a copy at all?
    there, here = source.definitions(), target.definitions()
    yield len(there), Commit(definitions={key: value for key, value in there.items() if key not in here})
    for kind in KINDS:
        yield from _records(source, target, kind)
    yield from _moves(source, target)
    yield from _activities(source, target)
    yield from _attributes(source, target)
    yield from _answers(source, target)
    yield from _keys(source, target)
    yield from _changes(source, target)


def _records(source: Store, target: Store, kind: Kind) -> Iterator[tuple[int, Commit]]:
    for page in _pages(source, kind, "id"):
        ids = [row[1] for row in page]
        versions: dict[str, int] = dict(_among(target, f"SELECT id, version FROM {kind} WHERE id", ids))
        writes = []
        for _, *row in page:
            id, version = row[:2]
            held = versions.get(id, 0)
            if held > version:
                raise _not_a_copy(f"{kind} {id} is at version {held} there and at {version} in the source")
            if held < version:
                writes.append(Write(rows.record_of(kind, tuple(row)), held))
        yield len(page), Commit(writes=tuple(writes))


def _moves(source: Store, target: Store) -> Iterator[tuple[int, Commit]]:
    for page in _pages(source, "move", "position"):
        numbers = [row[2] for row in page]
        held = set(
            _among(
                target,
                "SELECT record_id, seq FROM move WHERE seq BETWEEN :low AND :high AND record_id",
                [row[1] for row in page],
                low=min(numbers),
                high=max(numbers),
            )
        )
        missing = (row[1:] for row in page if row[1:3] not in held)
        yield len(page), Commit(moves=tuple(map(rows.move_of, missing)))


def _activities(source: Store, target: Store) -> Iterator[tuple[int, Commit]]:
    for page in _pages(source, "activity", "id"):
        held = set(_among(target, "SELECT id FROM activity WHERE id", [row[1] for row in page]))
        missing = (row[1:] for row in page if row[1:2] not in held)
        yield len(page), Commit(activities=tuple(map(rows.activity_of, missing)))


def _attributes(source: Store, target: Store) -> Iterator[tuple[int, Commit]]:
    """Field values have no name of their own: of each record, those behind as many as the target has."""
    counting = "SELECT record_id, COUNT(*) FROM attribute WHERE position < :before AND record_id"
    for page in _pages(source, "attribute", "position"):
        ids = [row[1] for row in page]
        held: dict[str, int] = dict(_among(target, counting, ids, " GROUP BY record_id", before=_ALL))
        number: Counter[str] = Counter(
            dict(_among(source, counting, ids, " GROUP BY record_id", before=page[0][0]))
        )
        missing = []
        for _, *row in page:
            number[row[0]] += 1
            if number[row[0]] > held.get(row[0], 0):
                missing.append(rows.attribute_of(tuple(row)))
        yield len(page), Commit(attributes=tuple(missing))


_ALL = 2**63 - 1


def _answers(source: Store, target: Store) -> Iterator[tuple[int, Commit]]:
    for page in _pages(source, "idempotency", "act_key"):
        keys = [row[1] for row in page]
        held = set(_among(target, "SELECT act_key FROM idempotency WHERE act_key", keys))
        missing = (row[1:] for row in page if row[1:2] not in held)
        yield len(page), Commit(answers=tuple(map(rows.answer_of, missing)))


def _keys(source: Store, target: Store) -> Iterator[tuple[int, Commit]]:
    """Keys to find duplicates by are the same for many records: a page has all rows of each of its keys."""
    after, rows_of_page = "", scanning.page_of("match_key")
    while last := source.query(scanning.end_of_page("match_key"), {"after": after})[0][0]:
        bounds = {"after": after, "last": last}
        held = set(target.query(rows_of_page, bounds))
        there = source.query(rows_of_page, bounds)
        for start in range(0, len(there), _BATCH):
            some = there[start : start + _BATCH]
            yield len(some), Commit(keys=tuple(rows.match_key_of(row) for row in some if row not in held))
        after = last


def _changes(source: Store, target: Store) -> Iterator[tuple[int, Commit]]:
    """The feed is the store's own to number, so it is read as a follower reads it."""
    number, after = _end_of_copy(source, target)
    yield number, _NOTHING
    while page := source.changes(after=after, limit=_BATCH):
        yield len(page), Commit(changes=tuple(page))
        after = page[-1].position


def _end_of_copy(source: Store, target: Store) -> tuple[int, int]:
    """Return how many changes the target has, and where in the source's feed the last of them is."""
    last = last_change(target)
    if last is None:
        return 0, 0
    number = _count(target)
    sql = "SELECT position FROM change WHERE position > 0 ORDER BY position LIMIT 1 OFFSET :skip"
    found = source.query(sql, {"skip": number - 1})
    if not found or source.changes(after=found[0][0] - 1, limit=1) != [last]:
        raise _not_a_copy(f"{last!r} is not at its place in the feed of the source")
    return number, found[0][0]


def _count(store: Store) -> int:
    count: int = store.query("SELECT COUNT(*) FROM change", {})[0][0]
    return count


def _not_a_copy(problem: str) -> InputError:
    return InputError("target", problem, "copy into an empty store, or an earlier copy of the same source")


def _pages(store: Store, table: str, key: str) -> Iterator[list[Row]]:
    """Yield the rows of a table in the order of a key, page by page, each behind its key."""
    after: Any = 0 if key == "position" else ""
    columns = ", ".join((key, *COLUMNS[table]))
    sql = f"SELECT {columns} FROM {table} WHERE {key} > :after ORDER BY {key} LIMIT {_BATCH}"
    while page := store.query(sql, {"after": after}):
        yield page
        after = page[-1][0]


def _among(store: Store, select: str, values: Iterable[str], end: str = "", **params: int) -> Sequence[Row]:
    """Run a SELECT that ends in the name of a column, for rows where that is one of the values."""
    names, own = in_list(dict.fromkeys(values))
    return store.query(f"{select} IN ({names}){end}", {**own, **params})
