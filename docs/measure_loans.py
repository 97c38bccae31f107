"""Write docs/explanation/loan-applications.md: ``python docs/measure_loans.py PATH``.

PATH is the log of the BPI Challenge 2012, or its folder: see examples/loan_applications.py, whose way of
importing is used. The size of the loan, and whether a person took it further, are added as custom fields.
"""

from __future__ import annotations

import argparse
import runpy
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs

from funnelkit import Engine, import_log
from funnelkit.analytics import Analytics
from funnelkit.analytics.rendering import cell_text

HERE = Path(__file__).parent
PAGE = HERE / "explanation" / "loan-applications.md"
EXAMPLE = HERE.parent / "examples" / "loan_applications.py"
LOCAL = timezone(timedelta(hours=1), "UTC+01:00")
END = datetime(2012, 3, 15, tzinfo=LOCAL)
"""The midnight after the last row of the log."""
BANDS = ("under 5,000", "5,000-9,999", "10,000-19,999", "20,000-29,999", "30,000 and more")
EDGES = (5_000, 10_000, 20_000, 30_000)


def band(amount: float) -> str:
    """Return the band of a requested amount.

    >>> band(4_999), band(5_000), band(99_999)
    ('under 5,000', '5,000-9,999', '30,000 and more')
    """
    return BANDS[sum(amount >= edge for edge in EDGES)]


def imported(path: Path) -> Engine:
    """Return an engine with all applications, each with its band."""
    example = runpy.run_path(str(EXAMPLE))
    file = path / "bpic2012_events.csv.gz" if path.is_dir() else path
    engine = Engine(example["LOANS"], zone=LOCAL)
    told = (
        row | {"band": band(float(row["amount_req"])), "handled": "yes" if row["holder"] else ""}
        for row in example["rows"](file)
    )
    import_log(engine, told, attrs.evolve(example["LOG"], custom=("band", "handled")), pipeline="loans")
    return engine


def table(head: str, lines: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; all columns but the first are set to the right."""
    names = head.split("|")
    rows = [
        names,
        ["---", *["---:"] * (len(names) - 1)],
        *([cell_text(c, "") for c in line] for line in lines),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def in_order(rows: Iterable[Any]) -> list[Any]:
    """Return rows whose groups are bands, from small to large."""
    return sorted(rows, key=lambda row: BANDS.index(row.group))


def page(path: Path) -> str:
    """Return the text of the page."""
    with imported(path) as engine:
        return "\n\n".join([*parts(engine.analytics)]) + "\n"


def parts(measured: Analytics) -> Iterator[str]:
    """Yield the paragraphs of the page."""
    yield INTRODUCTION
    yield from funnels(measured)
    yield from months(measured)
    yield from times(measured)
    yield from people(measured)
    yield from leaks(measured)


def funnels(measured: Analytics) -> Iterator[str]:
    """Yield the funnel, whole and by band."""
    yield "## How far they get"
    whole = measured.funnel(as_of=END).rows
    yield table(
        "stage|applications|of the stage before|of all",
        ((row.stage, row.count, row.of_previous or "", row.of_first) for row in whole),
    )
    yield "By the amount that was asked for:"
    by_band: dict[str, list[int]] = {}
    for row in measured.funnel(by="custom.band", as_of=END).rows:
        by_band.setdefault(str(row.group), []).append(row.count)
    names = "|".join(row.stage for row in whole)
    yield table(f"amount, EUR|{names}", ((name, *by_band[name]) for name in BANDS))
    rates = in_order(measured.win_rate(by="custom.band", as_of=END).rows)
    yield "The smallest loans are won least often: most of them are declined at once."
    yield table(
        "amount, EUR|closed|won|win rate",
        ((r.group, r.rate.denominator, r.rate.numerator, r.rate) for r in rates),
    )


def months(measured: Analytics) -> Iterator[str]:
    """Yield conversion by month of submission."""
    yield "## Month by month"
    yield MONTHS
    ages = ("14d", "30d", "60d")
    found: dict[str, list[Any]] = {}
    for row in measured.cohort_conversion(by="month", horizons=ages, as_of=END).rows:
        found.setdefault(str(row.group), []).append(row)
    yield table(
        "submitted|applications|won so far|won by 14 days|by 30 days|by 60 days|watched 60 days",
        (
            (
                name,
                rows[0].created,
                rows[0].so_far,
                *(row.won for row in rows),
                f"{100 * (rows[-1].observed.value or 0):.0f} %",
            )
            for name, rows in found.items()
        ),
    )
    closed = measured.win_rate(by="month", as_of=END).rows
    yield CLOSED
    yield table(
        "closed in|closed|won|win rate",
        ((r.group, r.rate.denominator, r.rate.numerator, r.rate) for r in closed),
    )


def times(measured: Analytics) -> Iterator[str]:
    """Yield times in stage."""
    yield "## How long they stay"
    yield TIMES
    yield table(
        "stage|finished stays|still there|median of the finished|Kaplan-Meier median|90 % of the finished",
        (
            (row.stage, row.closed, row.open, row.p50 or "", row.km_p50 or "", row.p90 or "")
            for row in measured.time_in_stage(unit=timedelta(minutes=1), as_of=END).rows
        ),
    )
    (won,) = measured.days_to_win(as_of=END).rows
    yield f"From submission to win: half of {won.timed:,} wins took no more than {cell_text(won.p50, '')}."


def people(measured: Analytics) -> Iterator[str]:
    """Yield who closed what, by the mix of amounts."""
    yield "## Person by person"
    compared = measured.compare_people(mix="custom.band", custom={"handled": "yes"}, as_of=END)
    yield PEOPLE.format(rate=compared.overall, phi=f"{compared.phi:.1f}", count=len(compared.rows))
    yield table(
        "holder|closed|won|win rate|expected by mix|ratio|adjusted|place",
        (
            (
                row.group,
                row.closed,
                row.won,
                row.rate,
                row.expected,
                row.ratio,
                f"{100 * (row.adjusted or 0):.0f} %",
                row.place,
            )
            for row in compared.rows
            if row.closed >= 100
        ),
    )


def leaks(measured: Analytics) -> Iterator[str]:
    """Yield where which amounts are lost more often."""
    yield "## Where they are lost"
    yield LEAKS
    found = [row for row in measured.leaks(by="custom.band", as_of=END).rows if row.is_leak]
    yield table(
        "stage|amount, EUR|passed|failed|rate|others|wins lost by it",
        (
            (row.stage, row.group, row.passed, row.failed, row.rate, row.others, row.lost_wins)
            for row in found
        ),
    )


INTRODUCTION = """\
# What 13,087 loan applications say

The log of the [BPI Challenge 2012](https://doi.org/10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f) is a
real one: every step of 13,087 applications for a loan at a Dutch lender, submitted from October 2011 to
February 2012, up to the middle of March. `examples/loan_applications.py` imports it. This page is what
`Analytics` says of it, as of the end of the log. It is written by `python docs/measure_loans.py PATH`, and
a test compares it with the data where they are.

The holder of an application is the person who took it to its last stage; the system itself is nobody.
Months are those of UTC+01:00. Rates come with their 95 % interval and what they are of."""

MONTHS = """\
`won so far` is too low for young applications, which had no time yet; the chances by an age are not, for
open applications count as long as they were watched. February has no number by 60 days: nobody of it has
been watched so long."""

CLOSED = """\
The same loans by the month in which they were closed. March is half a month in which nothing new came in:
what was closed then had waited for long, and who waits long was not declined at once."""

TIMES = """\
Half of the stays that ended took no more than the median. Stays that have not ended are not in it, and the
Kaplan-Meier median knows them; it counts whole minutes, rounded up. Offers (`finalized`) wait for the
customer, and there it matters: 327 are still waiting."""

PEOPLE = """\
Of the applications that a person took further: {count} holders, together {rate}. Amounts are won unequally
often, so each holder is set beside what everybody's rates make of the same mix of amounts. How much holders
differ is {phi} times what chance explains, and the limits behind `place` allow for that. Listed by name are
those who closed 100 or more; nobody is first."""

LEAKS = """\
Amounts that pass a stage less often than all others do, where chance alone would not often show as much
(Benjamini and Hochberg, 5 % false finds)."""

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path, help="bpic2012_events.csv.gz, or its folder")
    PAGE.write_text(page(parser.parse_args().path), "utf-8")
