"""13,087 loan applications of a Dutch lender: their funnel, times, losses and people.

    python examples/loan_applications.py PATH

PATH is the log of the BPI Challenge 2012 (doi 10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f) as
bpic2012_events.csv.gz, or its folder. Three lanes share a case; ours is the application, "A_…".
"""

from __future__ import annotations

import argparse
import csv
import gzip
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from funnelkit import Engine, EventLog, ImportReport, Pipeline, Stage, import_log
from funnelkit.analytics import Analytics

LOANS = Pipeline(
    "loans",
    [
        Stage("submitted", can_win=False),
        Stage("partlysubmitted", can_win=False),
        Stage("preaccepted", can_win=False),
        Stage("accepted", can_win=False),
        Stage("finalized"),
    ],
    moves="ordered",  # one step forward at a time: the gate would refuse a log that leaps
    close_reasons={"lost": ["declined", "cancelled"]},
)
LOG = EventLog(
    record="case_id",
    activity="activity",
    time="timestamp",  # ISO 8601 with an offset, so no zone is needed
    actor="resource",
    owner="holder",
    value="amount_req",
    currency="EUR",
    stages={f"A_{stage.upper()}": stage for stage in LOANS.stage_ids},
    outcomes={
        "A_APPROVED": "won",  # three events in any order: the first one wins, the others repeat it
        "A_REGISTERED": "won",
        "A_ACTIVATED": "won",
        "A_DECLINED": ("lost", "declined"),
        "A_CANCELLED": ("lost", "cancelled"),
    },
    ignore=("O_*", "W_*"),
)
SYSTEM = "112"
END_OF_OCTOBER = datetime(2011, 11, 1, tzinfo=timezone(timedelta(hours=1))) - timedelta(microseconds=1)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows, and who holds the application: the person who took it to its last stage.

    Whoever closes it is the actor, mostly somebody of the back office, and not who worked for the win.
    """
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sells = row.get("activity") in LOG.stages and row.get("resource") != SYSTEM
            yield row | {"holder": row.get("resource", "") if sells else ""}


def report(measured: Analytics) -> None:
    """Print what the ledger says."""
    print(measured.funnel(), "\n")
    print(measured.win_rate(), "\n")

    (to_win,) = measured.days_to_win().rows
    print(f"Median from creation to win: {to_win.p50 / timedelta(days=1):.4f} days of {to_win.timed:,} wins.")
    for stay in measured.time_in_stage().rows:
        print(f"Median on {stay.stage}: {stay.p50.total_seconds():,.3f} s of {stay.closed:,} finished stays.")

    print("\n", measured.loss_reasons(), "\n", sep="")
    busy = sorted(measured.people().rows, key=lambda person: person.closed, reverse=True)
    print("Who held the most closed applications (nobody: the system alone):")
    for person in busy[:12]:
        print(f"  {person.group or 'nobody':8}{person.closed:6,} closed, won {person.win_rate}")

    print("\nAs it is at the end of the log:")
    standing(measured, None)
    print("\nAs it was at the end of October 2011:")
    standing(measured, END_OF_OCTOBER)


def standing(measured: Analytics, as_of: datetime | None) -> None:
    """Print where all applications were at an instant."""
    (all_of_them,) = measured.cohort_win_rate(as_of=as_of).rows
    print(f"  {all_of_them.created:,} applications, {all_of_them.won:,} won, {all_of_them.open:,} open")
    losses = measured.loss_reasons(as_of=as_of).rows
    for reason in ("declined", "cancelled"):
        print(f"  {reason}: {sum(row.count for row in losses if row.reason == reason):,}")
    for stage in measured.potential(as_of=as_of).rows:
        print(f"  open on {stage.stage}: {stage.count:,}")


def imported(engine: Engine, path: Path) -> ImportReport:
    """Import the log; ValueError says what is wrong with the file."""
    file = path / "bpic2012_events.csv.gz" if path.is_dir() else path
    try:
        done = import_log(engine, rows(file), LOG, pipeline="loans", progress=True)
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"{file} cannot be read as the log of the BPI Challenge 2012: {why}") from error
    if not done.records:
        raise ValueError(f"{file} holds no application: is it the log of the BPI Challenge 2012?")
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path, help="bpic2012_events.csv.gz, or its folder")
    with Engine(LOANS) as loans:
        try:
            print(imported(loans, parser.parse_args().path), "\n")
        except ValueError as problem:
            parser.exit(2, f"{problem}\n")
        report(loans.analytics)
