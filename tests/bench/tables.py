"""Tables into SQLite: rows a second of processor time, with clients matched by e-mail and phone."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from measure import Cost, row, timed

from funnelkit import Engine
from funnelkit.clients import KeyPolicy
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.tables.importing import import_table, plan_table
from funnelkit.tables.presets import simple

SIZES = (10_000, 100_000, 1_000_000)
SHORT = SIZES[:2]


def tables(folder: Path) -> None:
    """A file of contacts is planned, imported, and imported again; small, and as large as memory minds."""
    _measured(folder, SHORT)


def million(folder: Path) -> None:
    """The same with a million rows; takes minutes."""
    _measured(folder, SIZES[2:])


def _measured(folder: Path, sizes: tuple[int, ...]) -> None:
    for size in sizes:
        path = folder / f"{size}.csv"
        _written(path, size)
        for durability in ("fast", "full"):
            store = SQLiteStore(folder / f"{size}-{durability}.db", durability=durability)
            with Engine(store=store, keys=KeyPolicy(region="RU")) as engine:
                mapping = simple.contacts(zone="UTC")
                cold = timed(lambda: import_table(engine, path, mapping))  # noqa: B023 (called at once)
                warm = timed(lambda: import_table(engine, path, mapping))  # noqa: B023
            what = f"import of {size:,} contacts, SQLite {durability}"
            row(what, _rate(size, cold), f"again {_rate(size, warm)}", "", "", "10,000 rows/s, flat")
        plan = timed(lambda: plan_table(Engine(), path, mapping).report)  # noqa: B023
        row(f"plan of {size:,} contacts", _rate(size, plan))


def _rate(rows: int, cost: Cost) -> str:
    return f"{rows / cost.processor:,.0f} rows/s"


def _written(path: Path, rows: int) -> None:
    """Write a table in which one row in twenty is about somebody who is there already."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(("id", "name", "email", "phone", "source", "created"))
        for number in range(1, rows + 1):
            who = chance.randrange(number) if chance.random() < 0.05 else number
            name = f"Name{who * 7919 % 20_011} Family{who * 104_729 % 50_021}"
            email, phone = f"user{who}@firm{who % 20_011}.example", f"+7916{who % 10**7:07d}"
            writer.writerow((number, name, email, phone, "web", f"{who % 28 + 1:02d}.03.2024 10:30"))
