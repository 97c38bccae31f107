"""A million contacts in one file: who may be a new inquiry, and the report of all duplicates.

python tests/bench/run.py candidates
CONTACTS=100000 python tests/bench/run.py duplicates
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import duration, row, timed

from funnelkit import Contact, Engine, Lead, templates
from funnelkit.clients import DEFAULT_RULES, FuzzyNames, KeyPolicy, keys_of
from funnelkit.storage.base import Commit, MatchKey, Write
from funnelkit.storage.sqlite import SQLiteStore

CONTACTS = int(os.environ.get("CONTACTS", "1000000"))
BATCH = 5_000
START = datetime(2024, 1, 1, tzinfo=UTC)
POLICY = KeyPolicy(region="RU")
SYLLABLES = [consonant + vowel for consonant in "bdklmnrstv" for vowel in "aeo"]


def word(dice: random.Random, syllables: int) -> str:
    """Return a made-up name."""
    return "".join(dice.choice(SYLLABLES) for _ in range(syllables)).capitalize()


def contact(number: int) -> Contact:
    """Return one of many people: every tenth is another one again, with a slip of the pen.

    One in a hundred left the same phone number, which says nothing; half have a mailbox at work.
    """
    again = number % 10 == 9
    dice = random.Random(number - 9 if again else number)
    first, last, mail, phone = word(dice, 2), word(dice, 3), dice.randrange(10**9), dice.randrange(10**7)
    domain = f"{word(dice, 3).lower()}.example" if dice.random() < 0.5 else "mail.ru"
    born = START + timedelta(minutes=number)
    return Contact(
        id=f"contact_{number:08d}",
        name=f"{last} {first}" if again else f"{first} {last}",
        email=f"{'P' if again else 'p'}{mail}@{domain}" if number % 3 else "",
        phone="+7 900 000-00-00" if number % 100 == 1 else f"8 (912) {phone:07d}",
        created_at=born,
        updated_at=born,
    )


def fill(path: Path, contacts: int) -> None:
    """Write contacts and their keys, as an engine would, in batches."""
    store = SQLiteStore(path, durability="fast")
    for start in range(0, contacts, BATCH):
        people = [contact(number) for number in range(start, min(start + BATCH, contacts))]
        keys = [
            MatchKey(key=key, kind="contact", record=each.id)
            for each in people
            for key in keys_of(each, POLICY)
        ]
        store.commit(Commit(writes=tuple(Write(each, 0) for each in people), keys=tuple(keys)))
    store.close()


@cache
def filled() -> Path:
    """Return a file of `CONTACTS` contacts; it is made once and removed at the end."""
    folder = TemporaryDirectory()
    filled.folder = folder  # type: ignore[attr-defined]  # it lives as long as this
    path = Path(folder.name, "clients.db")
    cost = timed(lambda: fill(path, CONTACTS))
    row(f"{CONTACTS:,} contacts with their keys written, SQLite, a contact", duration(cost.wall / CONTACTS))
    return path


def inquiries(count: int) -> list[Lead]:
    """Return new inquiries: of people who are known, and of some who are not."""
    placed = {"pipeline": "intake", "stage": "new", "created_at": START, "entered_at": START}
    known = [contact(n * 7919 % (2 * CONTACTS)) for n in range(count)]
    return [
        Lead(id=f"new{n}", name=one.name, email=one.email, phone=one.phone, updated_at=START, **placed)
        for n, one in enumerate(known)
    ]


def candidates(_: Path) -> None:
    """Candidates for one new inquiry among a million contacts."""
    engine = Engine(templates.lead_intake(), store=SQLiteStore(filled()), keys=POLICY)
    for what, rules in (
        ("exact keys", DEFAULT_RULES),
        ("exact keys and similar names", (*DEFAULT_RULES, FuzzyNames(0.9))),
    ):
        walls, processors = [], []
        for inquiry in inquiries(500):
            wall, processor = time.perf_counter(), time.process_time()
            engine.candidates(inquiry, rules=rules)
            walls.append(time.perf_counter() - wall)
            processors.append(time.process_time() - processor)
        told = f"{_spread(walls)}; processor time {_spread(processors)}"
        row(f"candidates of an inquiry among {CONTACTS:,} contacts, {what}", told, "", "", "", "at most 5 ms")
    engine.close()


def _spread(costs: list[float]) -> str:
    most = sorted(costs)[-len(costs) // 100]
    return f"median {duration(statistics.median(costs))}, 99 % within {duration(most)}"


def duplicates(_: Path) -> None:
    """The report of all duplicates, in a process of its own, so that its memory can be told."""
    command = [sys.executable, __file__, str(filled())]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


def report(path: Path) -> None:
    """Look for duplicates, and tell the time and the memory that it took."""
    engine = Engine(store=SQLiteStore(path), keys=POLICY)
    found = []
    cost = timed(lambda: found.append(engine.duplicates()))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = f"{duration(cost.wall)}, {memory:,.0f} MB"
    row(f"{len(found[0]):,} groups of duplicates found among them", told, "", "", "", "minutes, below 1 GB")


if __name__ == "__main__":
    report(Path(sys.argv[1]))
