"""The contract of a store: a commit is written whole, over the versions it names, or not at all."""
# ruff: noqa: S101 (asserting is the point)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from funnelkit.errors import AlreadyExistsError, ConflictError, FunnelkitError, KeyReusedError
from funnelkit.storage.base import Answer, Commit, Write
from funnelkit.testing.hooks import Hooks, raises
from funnelkit.testing.in_use import BAD, around, write_everything
from funnelkit.testing.reading import readable
from funnelkit.testing.samples import a_change, a_deal, a_move, an_activity, new

__all__ = ["AllOrNothing"]

_MANY = 10_000
_KEYS = ("k", "k8", "k9")

_WRONG: tuple[tuple[Commit, FunnelkitError], ...] = (
    (Commit(writes=(Write(a_deal(version=2), 1),)), ConflictError("deal", "d1", 1, 2)),
    (Commit(moves=(a_move(),)), AlreadyExistsError("move", "d1/1")),
    (Commit(activities=(an_activity(),)), AlreadyExistsError("activity", "a1")),
    (Commit(answers=(Answer(key="k", request="other", records=()),)), KeyReusedError("k")),
)
"""What is wrong in a store in use, the first to be told first."""


class AllOrNothing(Hooks):
    """A commit is written whole, over the versions it names, or not at all."""

    def test_a_bad_commit_writes_nothing(self) -> None:
        """One bad part anywhere, and nothing of a commit is written; the error says which part."""
        for bad, error in BAD:
            with self.writing() as store:
                write_everything(store.commit)
                before = readable(store, _KEYS)
                with raises(error):
                    store.commit(around(bad))
                assert readable(store, _KEYS) == before

    def test_a_store_is_usable_after_a_bad_commit(self) -> None:
        """What was right in a refused commit can be written at once."""
        for bad, error in BAD:
            with self.writing() as store:
                write_everything(store.commit)
                with raises(error):
                    store.commit(around(bad))
                store.commit(around(Commit()))
                assert [deal.id for deal in store.find("deal", {})] == ["d1", "d8", "d9"]

    def test_of_several_wrongs_the_first_is_told(self) -> None:
        """A stale record comes before a move that is taken, that before an activity, that before a key."""
        for first, (_, error) in enumerate(_WRONG):
            parts = [bad for bad, _ in _WRONG[first:]]
            all_wrong = Commit(
                writes=tuple(write for part in parts for write in part.writes),
                moves=tuple(move for part in parts for move in part.moves),
                activities=tuple(activity for part in parts for activity in part.activities),
                answers=tuple(answer for part in parts for answer in part.answers),
            )
            for commit in (all_wrong, around(all_wrong)):
                with self.writing() as store:
                    write_everything(store.commit)
                    with raises(error):
                        store.commit(commit)

    def test_an_interrupted_commit_writes_nothing(self) -> None:
        """Whatever is raised in the middle of a commit gets through, and leaves nothing behind."""
        parts = [field.name for field in attrs.fields(Commit)]
        for part in parts:
            for good in (0, 1):
                with self.writing() as store:
                    write_everything(store.commit)
                    before = readable(store, _KEYS)
                    whole = around(Commit())
                    broken = attrs.evolve(whole, **{part: _breaking(getattr(whole, part), good)})
                    try:
                        store.commit(broken)
                    except _Interrupted:
                        assert readable(store, _KEYS) == before
                    else:
                        raise AssertionError(f"the interruption in {part} was swallowed")
                    store.commit(whole)

    def test_ten_thousand_rows_fail_at_their_last(self) -> None:
        """A batch that fails at its last row leaves none of those before it, and can be mended."""
        records = [a_deal(f"n{number:05}") for number in range(_MANY)]
        moves = [a_move(record.id) for record in records]
        changes = tuple(a_change(record.id) for record in records)
        stale, taken = Write(a_deal("d1", version=2), 1), a_move("d1")
        for writes, rows, error in (
            ((*new(*records).writes, stale), (*moves,), ConflictError("deal", "d1", 1, 2)),
            (new(*records).writes, (*moves, taken), AlreadyExistsError("move", "d1/1")),
        ):
            with self.writing() as store:
                write_everything(store.commit)
                before = readable(store, _KEYS)
                with raises(error):
                    store.commit(Commit(writes=writes, moves=rows, changes=changes))
                assert readable(store, _KEYS) == before
                store.commit(Commit(writes=new(*records).writes, moves=(*moves,), changes=changes))
                assert store.query("SELECT COUNT(*) FROM deal", {}) == [(_MANY + 1,)]

    def test_a_version_is_compared_not_a_content(self) -> None:
        """A record that changed and changed back is not the one that was read before."""
        with self.writing() as store:
            store.commit(new(a_deal()))
            store.commit(Commit(writes=(Write(a_deal(version=2, stage="offer"), 1),)))
            store.commit(Commit(writes=(Write(a_deal(version=3), 2),)))
            with raises(ConflictError("deal", "d1", 1, 3)):
                store.commit(Commit(writes=(Write(a_deal(version=2, stage="won"), 1),)))
            assert store.get("deal", "d1") == a_deal(version=3)

    def test_a_key_is_used_once(self) -> None:
        """The answer under a key is the first one, whatever comes under it later."""
        with self.writing() as store:
            first = Answer(key="k", request="r", records=(a_deal(),))
            store.commit(Commit(writes=(Write(a_deal(), 0),), answers=(first,)))
            for request in ("r", "another"):
                with raises(KeyReusedError("k")):
                    store.commit(
                        Commit(
                            writes=(Write(a_deal("d2"), 0),),
                            answers=(Answer(key="k", request=request, records=(a_deal("d2"),)),),
                        )
                    )
            assert store.answer("k") == first
            assert [deal.id for deal in store.find("deal", {})] == ["d1"]


class _Interrupted(BaseException):
    """Something that is nobody's error: a key pressed, a worker told to stop."""


class _Breaking(tuple[Any, ...]):
    """A tuple that interrupts whoever walks through it, after some of its items."""

    __slots__ = ()
    good = 0

    def __iter__(self) -> Iterator[Any]:
        for number in range(self.good):
            yield self[number]
        raise _Interrupted


class _BreakingAfterOne(_Breaking):
    __slots__ = ()
    good = 1


class _BreakingMapping(Mapping[str, Any]):
    """A mapping that interrupts whoever walks through it, after some of its items."""

    def __init__(self, items: Mapping[str, Any], good: int) -> None:
        self._items, self._good = items, good

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[str]:
        yield from list(self._items)[: self._good]
        raise _Interrupted


def _breaking(part: Any, good: int) -> Any:
    """Return a part of a commit that breaks off after ``good`` of its items."""
    if isinstance(part, Mapping):
        return _BreakingMapping(part, good)
    return (_BreakingAfterOne if good else _Breaking)(part)
