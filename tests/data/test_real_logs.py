"""Two real histories, imported as the examples do it: the numbers known of them come out, in every store."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from funnelkit import Engine, ImportReport

EXAMPLES = Path(__file__).parents[2] / "examples"
STORES = ["memory", "sqlite"]
OCTOBER = datetime(2011, 10, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=1)))

pytestmark = pytest.mark.data

Imported = tuple[Engine, ImportReport]


def imported(name: str, pipeline: str, data: Path, url: str | None) -> Imported:
    """Import a data set with the mapping of an example."""
    if not data.is_dir():
        pytest.skip(f"the data set is not there: {data}")
    example = runpy.run_path(str(EXAMPLES / name))
    engine = Engine(example[pipeline], store=url)
    return engine, example["imported"](engine, data)


def url_of(store: str, folder: Path) -> str | None:
    """Return the URL of a store of a kind."""
    return None if store == "memory" else f"sqlite:///{folder / 'crm.db'}"


@pytest.fixture(scope="module", params=STORES)
def loans(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Imported]:
    """Return 13,087 loan applications of a Dutch lender."""
    url = url_of(request.param, tmp_path_factory.mktemp("loans"))
    engine, report = imported("loan_applications.py", "LOANS", shared_data / "bpic2012", url)
    with engine:
        yield engine, report


@pytest.fixture(scope="module", params=STORES)
def leads(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Imported]:
    """Return 8,000 leads of a Brazilian marketplace."""
    url = url_of(request.param, tmp_path_factory.mktemp("leads"))
    engine, report = imported("marketplace_leads.py", "LEADS", shared_data / "olist_funnel", url)
    with engine:
        yield engine, report


# -- loan applications ---------------------------------------------------------------------------


def test_every_row_of_the_loans_has_a_fate(loans: Imported) -> None:
    """60,849 rows are the application's; two of three winning events repeat the first."""
    _, report = loans
    assert (report.rows, report.records, report.bad) == (262_200, 13_087, ())
    assert (report.repeats, report.used + report.repeats) == (2 * 2_246, 60_849)
    assert report.ignored == 31_244 + 170_107


def test_the_ledger_of_the_loans_is_sound(loans: Imported) -> None:
    """Every carried fact and every record follows from the bare moves."""
    assert loans[0].verify() == ()


def test_how_far_the_loans_got(loans: Imported) -> None:
    """The reached funnel."""
    assert loans[0].analytics.funnel().counts() == {
        "submitted": 13_087,
        "partlysubmitted": 13_087,
        "preaccepted": 7_367,
        "accepted": 5_113,
        "finalized": 5_015,
        "won": 2_246,
    }


def test_how_the_loans_ended(loans: Imported) -> None:
    """Won, lost and open ones add up, and the win rate is of the closed ones."""
    measured = loans[0].analytics
    (cohort,), (closed,) = measured.cohort_win_rate().rows, measured.win_rate().rows
    assert (cohort.created, cohort.won, cohort.lost, cohort.open) == (13_087, 2_246, 10_442, 399)
    assert (closed.rate.numerator, closed.rate.denominator) == (2_246, 12_688)


def losses(engine: Engine, **filters: Any) -> dict[tuple[str, str], int]:
    """Return (stage, reason) → number of losses."""
    return {(row.stage, row.reason): row.count for row in engine.analytics.loss_reasons(**filters).rows}


def of_reason(found: dict[tuple[str, str], int], reason: str) -> int:
    """Return the losses for one reason on all stages."""
    return sum(count for (_, why), count in found.items() if why == reason)


def test_why_and_where_the_loans_were_lost(loans: Imported) -> None:
    """Declined by the lender or cancelled by the customer, stage by stage."""
    found = losses(loans[0])
    assert found == {
        ("partlysubmitted", "declined"): 5_719,
        ("partlysubmitted", "cancelled"): 1,
        ("preaccepted", "declined"): 1_085,
        ("preaccepted", "cancelled"): 1_100,
        ("accepted", "declined"): 29,
        ("accepted", "cancelled"): 66,
        ("finalized", "declined"): 802,
        ("finalized", "cancelled"): 1_640,
    }
    assert (of_reason(found, "declined"), of_reason(found, "cancelled")) == (7_635, 2_807)


def test_how_long_the_loans_took(loans: Imported) -> None:
    """The median from submission to the first of the three winning events, by nearest rank."""
    (row,) = loans[0].analytics.days_to_win().rows
    assert (row.timed, round(row.p50 / timedelta(days=1), 4)) == (2_246, 14.4341)


def test_how_long_the_loans_stayed(loans: Imported) -> None:
    """Finished stays and their medians, to the millisecond of the log."""
    stays = {row.stage: (row.closed, row.p50) for row in loans[0].analytics.time_in_stage().rows}
    assert stays["preaccepted"] == (7_298, timedelta(seconds=24_338, milliseconds=32))
    assert stays["finalized"] == (4_688, timedelta(seconds=1_257_895, milliseconds=140))


def test_the_loans_as_of_the_end_of_october(loans: Imported) -> None:
    """Only what was known then counts, in the local time of the lender."""
    measured = loans[0].analytics
    (cohort,) = measured.cohort_win_rate(as_of=OCTOBER).rows
    found = losses(loans[0], as_of=OCTOBER)
    still = {row.stage: row.count for row in measured.potential(as_of=OCTOBER).rows}
    assert (cohort.created, cohort.won) == (2_393, 227)
    assert (of_reason(found, "declined"), of_reason(found, "cancelled")) == (1_246, 240)
    assert (still["finalized"], still["preaccepted"]) == (549, 126)


def test_people_hold_loans_and_the_system_does_not(loans: Imported) -> None:
    """All closed applications have one holder each, or none; the system is nobody."""
    people = {row.group: row.closed for row in loans[0].analytics.people().rows}
    assert sum(people.values()) == 12_688
    assert "112" not in people


# -- leads of a marketplace ----------------------------------------------------------------------


def test_every_row_of_the_leads_has_a_fate(leads: Imported) -> None:
    """One row a lead, one a win."""
    _, report = leads
    assert (report.rows, report.records, report.used) == (8_842, 8_000, 8_842)


def test_the_ledger_of_the_leads_is_sound(leads: Imported) -> None:
    """Every carried fact follows from the bare moves, for the pair with the negative duration, too."""
    assert leads[0].verify() == ()


def test_how_many_leads_were_converted(leads: Imported) -> None:
    """842 of 8,000."""
    (row,) = leads[0].analytics.cohort_win_rate().rows
    assert (row.so_far.numerator, row.so_far.denominator, row.so_far.value) == (842, 8_000, 0.10525)


def test_where_the_leads_came_from(leads: Imported) -> None:
    """A blank origin is not the origin "unknown"."""
    rows = leads[0].analytics.cohort_win_rate(by="source").rows
    found = {row.group: (row.won, row.created) for row in rows}
    assert found["organic_search"] == (271, 2_296)
    assert found["unknown"] == (179, 1_099)
    assert found[""] == (14, 60)


def test_a_lead_won_before_its_first_contact(leads: Imported) -> None:
    """It is listed, it is a conversion, and it is out of the times."""
    engine, report = leads
    times = engine.analytics.days_to_win()
    (early,) = report.early
    assert early.startswith("b91cf881")
    assert times.ids("negative") == [early]
    assert engine.get(early).outcome == "won"


def test_how_long_the_leads_took(leads: Imported) -> None:
    """The median over the other 841, by nearest rank."""
    (row,) = leads[0].analytics.days_to_win().rows
    assert (row.won, row.timed, round(row.p50 / timedelta(days=1), 4)) == (842, 841, 14.7222)


# -- the examples themselves ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["crm_snapshot.py", "loan_applications.py", "marketplace_leads.py"])
@pytest.mark.parametrize("path", ["nowhere", ".", "notes.txt"])
def test_an_example_says_what_is_wrong_with_its_path(name: str, path: str, tmp_path: Path) -> None:
    """A path to nothing, to an empty folder or to another file: one sentence, exit code 2."""
    (tmp_path / "notes.txt").write_text("nothing to see", "utf-8")
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, path],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "cannot be read as the" in done.stderr
