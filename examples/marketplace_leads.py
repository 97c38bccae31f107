"""8,000 leads of a Brazilian marketplace: how many became sellers, how fast, where from, by whom.

    python examples/marketplace_leads.py PATH

PATH is the folder of the "Marketing Funnel by Olist" with its two files, or one of them: the leads, and
the deals won of them. Nothing says that a lead was lost, so the others are open for ever.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from datetime import timedelta, timezone
from pathlib import Path

from funnelkit import Engine, EventLog, ImportReport, Pipeline, Stage, import_log
from funnelkit.analytics import Analytics

LEADS = Pipeline("leads", [Stage("contacted")], kind="lead", label="Marketing qualified leads")
LOG = EventLog(
    record="mql_id",
    activity="event",
    time="time",
    zone=timezone(timedelta(hours=-3), "Brazil"),  # the files name no zone; their times are local
    stages={"first contact": "contacted"},
    outcomes={"won": "won"},
    source="origin",
    campaign="landing_page_id",
    owner="sr_id",  # who closed the deal holds the lead from then on
    actor="sr_id",
    custom={"business_segment": "segment", "lead_type": "type"},
    blanks=("NaN",),  # on 60 leads the origin; "unknown" is an origin of its own
)
FILES = (
    ("olist_marketing_qualified_leads.csv", "first contact", "first_contact_date"),
    ("olist_closed_deals.csv", "won", "won_date"),
)


def rows(folder: Path) -> Iterator[dict[str, str]]:
    """Yield one row an event out of two tables: one holds the first contacts, the other the wins."""
    for name, event, column in FILES:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row | {"event": event, "time": row.get(column) or ""}


def report(measured: Analytics, early: tuple[str, ...]) -> None:
    """Print what the ledger says."""
    print(measured.funnel(), "\n")
    (all_of_them,) = measured.cohort_win_rate().rows
    share = all_of_them.so_far
    print(f"Converted so far: {share.numerator:,} of {share.denominator:,} leads, {share.value:.5f}")

    (to_win,) = measured.days_to_win().rows
    print(f"Median from first contact to win: {to_win.p50 / timedelta(days=1):.4f} days of {to_win.timed:,}")
    print(
        f"Won before the first contact, so without a time, and still won: {len(early)} ({', '.join(early)})"
    )
    print(f"Lost: {sum(row.count for row in measured.loss_reasons().rows)}, for the files tell of none")

    print("\nConverted by origin:")
    for origin in measured.cohort_win_rate(by="source").rows:
        share = origin.so_far
        print(f"  {origin.group or '(blank)':20}{share.numerator:4,} of {share.denominator:5,}  {share}")

    print("\nWho closed the most:")
    for person in sorted(measured.people().rows, key=lambda person: person.won, reverse=True)[:10]:
        median = person.median_to_win / timedelta(days=1)
        print(f"  {person.group}  won {person.won:3}, median {median:.1f} days")


def imported(engine: Engine, path: Path) -> ImportReport:
    """Import both files; ValueError says what is wrong with them."""
    folder = path.parent if path.is_file() else path
    try:
        done = import_log(engine, rows(folder), LOG, pipeline="leads", progress=True)
    except (OSError, ValueError, csv.Error) as error:
        why = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else error
        raise ValueError(f"{folder} cannot be read as the Marketing Funnel by Olist: {why}") from error
    if not done.records:
        raise ValueError(f"{folder} holds no lead: is it the Marketing Funnel by Olist?")
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path, help="the folder of the two files, or one of them")
    with Engine(LEADS) as leads:
        try:
            done = imported(leads, parser.parse_args().path)
        except ValueError as problem:
            parser.exit(2, f"{problem}\n")
        print(done, "\n")
        report(leads.analytics, done.early)
