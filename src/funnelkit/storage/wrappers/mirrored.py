"""`MirroredStore`: copies that follow a store, and never hold it up."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from funnelkit.storage.base import Commit, Store
from funnelkit.storage.copying import Copied, copy_store, is_level, last_change, position_of
from funnelkit.storage.wrappers.wrapping import Wrapped, that_blocks

__all__ = ["MirroredStore"]


class MirroredStore(Wrapped):
    """Write to a store, then to its copies; read from the store alone.

    A copy that fails does not fail the act. It is behind from then on, which is logged once, and gets
    nothing more until `catch_up` has brought it level. So is a copy that was empty, or behind, when
    this store was opened.

    Commits through this store take turns, so that the copies get them in the same order. What others
    write to the primary past this store is noticed at the next commit with changes; the copies
    are behind then, and `catch_up` brings it over.

    Args:
        primary: The store that counts.
        copies: Stores that follow it: empty ones, or earlier copies. Closing this store closes all.

    Raises:
        InputError: One of them is no `Store`.

    >>> from funnelkit import Engine, MemoryStore, Pipeline, Stage
    >>> from funnelkit import MirroredStore
    >>> copy = MemoryStore()
    >>> store = MirroredStore(MemoryStore(), copy)
    >>> deal = Engine(Pipeline("sales", [Stage("new")]), store=store).create("Acme")
    >>> copy.get("deal", deal.id)
    Deal('Acme', new, v1)
    >>> store.behind
    ()
    """

    def __init__(self, primary: Store, *copies: Store) -> None:
        super().__init__(primary)
        self.copies = tuple(map(that_blocks, copies))
        self._acting, self._catching_up = threading.Lock(), threading.Lock()
        # Where in the feed of the primary each copy is; None when it is behind.
        self._reached: list[int | None] = [self._found(copy) for copy in copies]

    @property
    def behind(self) -> tuple[Store, ...]:
        """The copies that lack something and wait for `catch_up`."""
        return tuple(copy for copy, at in zip(self.copies, self._reached, strict=True) if at is None)

    def commit(self, commit: Commit) -> None:
        """Write to the primary, which decides whether it is written; then to the copies."""
        with self._acting:
            self.store.commit(commit)
            reached = self._reached
            self._reached = [None for _ in reached]  # until each of them has it
            self._reached = [
                None if at is None else self._handed_on(commit, copy, at)
                for copy, at in zip(self.copies, reached, strict=True)
            ]

    def catch_up(self) -> Copied:
        """Bring the copies that are behind level again; return what they lacked.

        Acts go on meanwhile, and wait only while the last of it comes over.

        Raises:
            InputError: A copy holds something that is not of the primary.
            StoreError: A copy failed. Those before it are level.
        """
        copied = Copied()
        with self._catching_up:
            for number, copy in enumerate(self.copies):
                if self._reached[number] is None:
                    copied += copy_store(self.store, copy)
                    with self._acting:
                        copied += copy_store(self.store, copy)
                        self._reached[number] = position_of(last_change(self.store))
        return copied

    def close(self) -> None:
        """Close the primary and every copy."""
        with ExitStack() as stack:
            for store in (*reversed(self.copies), self.store):
                stack.callback(store.close)

    def _found(self, copy: Store) -> int | None:
        """Return where a copy is that was just opened."""
        try:
            end = position_of(last_change(self.store))
            if is_level(self.store, copy):
                return end
            problem: object = "it lacks something"
        except Exception as error:  # noqa: BLE001 (a copy never holds the primary up)
            problem = error
        _tell(copy, problem)
        return None

    def _handed_on(self, commit: Commit, copy: Store, at: int) -> int | None:
        """Write a commit to a copy that is level; return where it is now."""
        try:
            feed = self.store.changes(after=at, limit=len(commit.changes)) if commit.changes else []
            if feed == [*commit.changes]:
                copy.commit(commit)
                return feed[-1].position if feed else at
            problem: object = "others have written to the primary"
        except Exception as error:  # noqa: BLE001 (a copy never holds the primary up)
            problem = error
        _tell(copy, problem)
        return None

    def __repr__(self) -> str:
        copies = (
            f"{copy!r}{' (behind)' if at is None else ''}"
            for copy, at in zip(self.copies, self._reached, strict=True)
        )
        return f"MirroredStore({', '.join((repr(self.store), *copies))})"


def _tell(copy: Store, problem: object) -> None:
    import logging

    logging.getLogger("funnelkit").warning("the copy %r is behind, until catch_up(): %s", copy, problem)
