"""8,800 deals of a CRM that keeps no history: what can still be said, by stage, person and product.

    python examples/crm_snapshot.py PATH

PATH is the folder of "CRM Sales Opportunities" (Maven Analytics), or its sales_pipeline.csv. A row knows
the present stage, and the days on which the deal was engaged and closed. Those that nobody has engaged yet
have no day at all; they are taken as found on the last day of the file.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from funnelkit import Engine, EventLog, ImportReport, Pipeline, Stage, import_log
from funnelkit.analytics import Analytics

DEALS = Pipeline("deals", [Stage("prospecting", can_win=False), Stage("engaging")])
LOG = EventLog(
    record="opportunity_id",
    activity="event",
    time="time",
    zone=UTC,  # the file has days only
    stages={"Prospecting": "prospecting", "Engaging": "engaging"},
    outcomes={"Won": "won", "Lost": "lost"},
    owner="sales_agent",
    value="close_value",
    currency="USD",
    custom={"product": "product", "account": "account"},
)
LAST_DAY = "2017-12-31"
END = datetime(2018, 1, 1, tzinfo=UTC)
"""The midnight after the last day."""
SPELLINGS = {"GTXPro": "GTX Pro"}


def rows(file: Path) -> Iterator[dict[str, str]]:
    """Yield one row an event: the engaging, then the closing; of a deal not engaged, where it was found."""
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            row["product"] = SPELLINGS.get(row["product"], row["product"])
            bare = row | {"close_value": ""}
            if row["deal_stage"] == "Prospecting":
                yield bare | {"event": "Prospecting", "time": LAST_DAY}
            else:
                yield bare | {"event": "Engaging", "time": row["engage_date"]}
            if row["close_date"]:
                yield row | {"event": row["deal_stage"], "time": row["close_date"]}


def report(measured: Analytics) -> None:
    """Print what the ledger says."""
    print(measured.potential(as_of=END), "\n")
    print(measured.win_rate(by="custom.product", as_of=END), "\n")
    print(measured.cohort_conversion(by="quarter", horizons=["30d", "90d"], unit="1d", as_of=END), "\n")
    print(measured.compare_people(mix="custom.product", as_of=END))


def imported(engine: Engine, path: Path) -> ImportReport:
    """Import the deals; ValueError says what is wrong with the file."""
    file = path / "sales_pipeline.csv" if path.is_dir() else path
    try:
        done = import_log(engine, rows(file), LOG, pipeline="deals", progress=True)
    except (OSError, ValueError, KeyError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"{file} cannot be read as the CRM Sales Opportunities: {why}") from error
    if not done.records:
        raise ValueError(f"{file} cannot be read as the CRM Sales Opportunities: it holds no deal")
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path, help="sales_pipeline.csv, or its folder")
    with Engine(DEALS) as deals:
        try:
            print(imported(deals, parser.parse_args().path), "\n")
        except ValueError as problem:
            parser.exit(2, f"{problem}\n")
        report(deals.analytics)
