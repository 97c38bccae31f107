"""Inside the host's transaction: a shell whose subscribers hear only of what the host has kept.

Our writes are kept or taken back by the host. So each commit waits until the host's transaction is
over. Then it is looked up, and told of if it is there, whatever the host did with savepoints in
between. How we learn that the transaction is over depends on the host: see `funnelkit.joining.hosts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from funnelkit.changes import Change
from funnelkit.storage.base import AsyncStore, Commit
from funnelkit.storage.columns import COLUMNS
from funnelkit.storage.rows import change_row
from funnelkit.verbs.shell import Shell

__all__ = ["JoinedShell", "Keeper", "Waiting", "tell"]


class Keeper(Protocol):
    """Who keeps commits back until a transaction is over."""

    def keep(self, shell: JoinedShell, commit: Commit) -> None:
        """Take a commit, and the shell that is to tell of it."""
        ...


class JoinedShell(Shell):
    """A `Shell` over a store in the host's transaction."""

    def __init__(self, shell: Shell, store: AsyncStore, keeper: Keeper) -> None:
        super().__init__(
            shell.pipelines.values(),
            store,
            shell.clock,
            shell.ids,
            sealed=shell.sealed,
            business=shell.business,
        )
        self.subscribers = shell.subscribers
        self._keeper = keeper

    async def committed(self, commit: Commit) -> None:
        """Keep a commit back, if anybody wants to hear of it."""
        if commit.changes and self.subscribers:
            self._keeper.keep(self, commit)

    async def tell(self, commit: Commit) -> None:
        """Call the subscribers with the changes of a commit that the host has kept."""
        await super().committed(commit)

    async def kept(self, commit: Commit) -> bool:
        """Look whether the host has kept a commit. It is there whole or not at all."""
        params = dict(zip(_CHANGE, change_row(commit.changes[0]), strict=True))
        return bool((await self.store.query(_THIS_CHANGE, params))[0][0])


_CHANGE = COLUMNS["change"]
_THIS_CHANGE = " AND ".join(
    ["SELECT COUNT(*) FROM change WHERE TRUE", *(f"{name} = :{name}" for name in _CHANGE)]
)


class Waiting:
    """Commits in the order they were made, until the transaction that they belong to is over."""

    def __init__(self) -> None:
        self._commits: dict[Change, tuple[JoinedShell, Commit]] = {}

    def keep(self, shell: JoinedShell, commit: Commit) -> None:
        """Add a commit. What happens for the second time was taken back the first time."""
        self._commits.pop(commit.changes[0], None)
        self._commits[commit.changes[0]] = shell, commit

    def forget(self) -> None:
        """Wait no longer."""
        self._commits.clear()

    async def over(self) -> list[tuple[JoinedShell, Commit]]:
        """Return those that the host has kept, and wait no longer for any."""
        commits = list(self._commits.values())
        self.forget()
        return [(shell, commit) for shell, commit in commits if await shell.kept(commit)]

    def __bool__(self) -> bool:
        return bool(self._commits)


async def tell(commits: Iterable[tuple[JoinedShell, Commit]]) -> None:
    """Tell of commits, in their order."""
    for shell, commit in commits:
        await shell.tell(commit)
