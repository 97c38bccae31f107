"""The manifest of an export: the files that belong to it. What it does not list is not there.

It is replaced in one step when all of its files are whole. While an export runs it keeps a draft, from
which a run that was cut off goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from funnelkit.errors import NotAStoreError

__all__ = ["DRAFT", "MANIFEST", "Manifest", "Part", "read_manifest", "replace_file", "save_draft"]

MANIFEST, DRAFT = "manifest.json", "manifest.draft.json"
_FORMAT = 1


@attrs.frozen(kw_only=True)
class Part:
    """A file: rows of one table; of the ledger, those behind the position ``low`` up to ``high``."""

    path: str
    rows: int
    low: int = 0
    high: int = 0


@attrs.frozen(kw_only=True)
class Manifest:
    """The files of an export by table.

    Attributes:
        origin: What the first move of the store is, so that no two stores are mixed.
        columns: Of each table, as its files have them.
        parts: Of each table, in order.
        stamps: Of each table of records, what it was when it was read.
    """

    origin: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    parts: Mapping[str, tuple[Part, ...]] = attrs.field(factory=dict)
    stamps: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict)

    def of(self, table: str) -> tuple[Part, ...]:
        """Return the files of a table."""
        return self.parts.get(table, ())

    def paths(self) -> set[str]:
        """Return all files."""
        return {part.path for parts in self.parts.values() for part in parts}

    def with_parts(self, table: str, parts: Iterable[Part], stamp: tuple[int, ...] | None = None) -> Manifest:
        """Return the manifest with other files of a table."""
        stamps = self.stamps if stamp is None else {**self.stamps, table: stamp}
        return attrs.evolve(self, parts={**self.parts, table: tuple(parts)}, stamps=stamps)


def read_manifest(path: Path) -> Manifest | None:
    """Return a manifest, or None where there is no such file.

    Raises:
        NotAStoreError: The file is no manifest.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        told = json.loads(text)
        if told["format"] != _FORMAT:
            raise NotAStoreError(str(path), f"is of format {told['format']}; this funnelkit knows {_FORMAT}")
        return Manifest(
            origin=tuple(told["origin"]),
            columns={table: tuple(names) for table, names in told["columns"].items()},
            parts={table: tuple(Part(**part) for part in parts) for table, parts in told["parts"].items()},
            stamps={table: tuple(stamp) for table, stamp in told["stamps"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotAStoreError(str(path), "is not the manifest of an export") from None


def save_draft(folder: Path, manifest: Manifest) -> None:
    """Write down how far an export has come."""
    told: dict[str, Any] = {"format": _FORMAT, **attrs.asdict(manifest)}
    replace_file(folder / DRAFT, json.dumps(told, indent=1).encode())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
