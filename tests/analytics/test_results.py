"""How results read, and what is said to a question that cannot be answered."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.analytics.histories import PIPELINES, Place, Record, analytics, feed, hour

from funnelkit.analytics import Analytics, Shape
from funnelkit.analytics.rendering import cell_text
from funnelkit.analytics.words import words_in
from funnelkit.clock import FrozenClock
from funnelkit.errors import InputError, MissingExtraError, TimeError

EVIL = "<script>alert(1)</script>|"


def some() -> Analytics:
    """Three records of an owner with a dangerous name."""
    paths = (("new", "call", "won"), ("new", "call", "lost"), ("new",))
    return analytics(
        [
            Record(
                id=f"deal_{n}",
                created=0,
                owner=EVIL,
                value=("EUR", 120_000),
                source="web",
                campaign="",
                custom={},
                events=tuple(Place(24 * t, "sales", place, "price") for t, place in enumerate(path)),
            )
            for n, path in enumerate(paths)
        ]
    )


def test_a_funnel_prints_as_a_table() -> None:
    """Title, header, a line a stage with its rate and sum, and the definition under it."""
    text = str(some().funnel("sales")).splitlines()
    assert text[0].startswith("funnel (reached) of sales, as of ")
    assert text[2].split()[:3] == ["stage", "count", "of"]
    assert text[4].split()[:2] == ["call", "2"]
    assert "67 % (21-94) of 3" in text[4]
    assert "2,400.00 EUR" in text[4]
    assert text[9].startswith("reached: a record counts in every stage up to the furthest")


def test_labels_are_shown_where_they_say_more_than_ids() -> None:
    """A stage with a label of its own makes a column of labels; reasons that nobody needs make none."""
    source = feed([Record("d", 0, "", ("", 0), "", "", {}, (Place(0, "sales", "new"),))])
    labelled = Shape(pipeline="sales", stages=(("new", "Новая заявка"),))
    metrics = Analytics(source, [labelled], FrozenClock(hour(99)))
    assert "Новая заявка" in str(metrics.funnel())
    assert "label" not in str(some().funnel("sales"))


def test_html_escapes_what_people_wrote() -> None:
    """A name with a tag in it stays a name."""
    page = some().people("sales")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_notebook_shows_a_funnel_as_a_picture_without_scripts() -> None:
    """Under the table stands an SVG with a bar a row, as wide as its count, and nothing that runs."""
    page = some().funnel("sales")._repr_html_()
    picture = page[page.index("<svg") : page.index("</svg>")]
    widths = [
        points.split()[1].split(",")[0] for points in re.findall(r'points="([^"]+)" fill="#4c78a8"', page)
    ]
    assert [round(2 * float(right) - 360) for right in widths] == [360, 240, 120, 120, 120]
    assert "script" not in page
    assert "call  2  (67 % (21-94) of 3)" in picture


def test_a_result_explains_itself() -> None:
    """Definition, population, axis, zone, currency rule, what is left out, what is wrong with the data."""
    said = some().funnel("sales").explain().splitlines()
    first = [line.split("  ")[0] for line in said]
    assert {"definition", "population", "time axis", "zone", "currency", "left out", "data quality"} <= {
        *first
    }
    assert "0 void records, outside of every count" in said[-1]


def test_a_result_is_labelled_in_russian() -> None:
    """Columns and definitions have their Russian names; the numbers are the same."""
    russian = some().funnel("sales").labelled("ru")
    text = str(russian).splitlines()
    assert text[0].startswith("воронка (по достигнутому этапу) по воронке sales, на ")
    assert text[2].split()[:2] == ["этап", "число"]
    assert russian == some().funnel("sales")
    with pytest.raises(InputError, match="'de' is not spoken here"):
        russian.labelled("de")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (0.04962, "q", "0.050"),
        (0.0004, "p", "<0.001"),
        (0.04962, "ratio", "0.05"),
        (True, "is_leak", "да"),
        ("", "group", "(нет)"),
        ("winning", "goes_with", "выигрышем"),
        ("above 99.8 %", "place", "выше 99.8 %"),
        ("open", "stage", "open"),
    ],
)
def test_a_cell_says_small_chances_and_verdicts_in_words(value: object, name: str, text: str) -> None:
    """A chance has three places, a verdict is in the language of the table, and an id is what it is."""
    assert cell_text(value, name, words_in("ru")) == text


def test_an_arrow_table_has_a_row_a_line() -> None:
    """Counts, rates and sums are columns of their own."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = some().funnel("sales").to_arrow()
    assert table.column("count").to_pylist() == [3, 2, 1, 1, 1]
    assert table.column("of_first_denominator").to_pylist() == [3, 3, 3, 3, 3]


def test_markdown_keeps_its_columns() -> None:
    """A bar inside a cell does not begin another one."""
    lines = [line for line in some().people("sales").to_markdown().splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines} == {lines[0].count("|")}


def test_dicts_hold_the_parts_of_a_rate_and_a_sum_a_currency() -> None:
    """Everything a data frame needs is a plain value under a plain name."""
    row = some().funnel("sales").to_dicts()[1]
    assert (row["of_previous_numerator"], row["of_previous_denominator"]) == (2, 3)
    assert row["of_previous"] == pytest.approx(2 / 3)
    assert str(row["sums_EUR"]) == "2400.00"


@pytest.mark.parametrize(("library", "method"), [("pandas", "to_pandas"), ("polars", "to_polars")])
def test_a_missing_library_is_named(library: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error says what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"funnelkit\[{library}\]"):
        getattr(some().funnel("sales"), method)()


@pytest.mark.parametrize(("library", "method"), [("pandas", "to_pandas"), ("polars", "to_polars")])
def test_a_data_frame_has_a_row_a_line(library: str, method: str) -> None:
    """Every row and every plain value is in the frame."""
    pytest.importorskip(library, reason=f"{library} is not installed")
    frame = getattr(some().funnel("sales"), method)()
    assert list(frame["count"]) == [3, 2, 1, 1, 1]
    assert list(frame["of_first_denominator"]) == [3, 3, 3, 3, 3]


def test_every_metric_says_what_it_means() -> None:
    """Name, sentence, population, time axis and instant are never empty."""
    metrics = some()
    for name in METRICS:
        about = getattr(metrics, name)("sales").about
        assert all([about.metric, about.definition, about.sentence, about.population, about.time_axis])
        assert about.as_of == hour(10_000)


METRICS = [
    "funnel",
    "transitions",
    "time_in_stage",
    "days_to_win",
    "win_rate",
    "cohort_win_rate",
    "loss_reasons",
    "people",
    "potential",
]


@pytest.mark.parametrize("name", METRICS)
def test_nothing_at_all_prints_too(name: str) -> None:
    """An empty ledger gives a table without records, not an error."""
    result = getattr(analytics([]), name)("sales")
    assert str(result).startswith(result.about.title())
    assert result.to_markdown()
    assert result.to_dicts() == [row for row in result.to_dicts() if row]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda m: m.funnel(), r"pipeline: there are 2 pipelines \(name one of sales, care\)"),
        (lambda m: m.funnel("sale"), r"pipeline: 'sale' is not a pipeline \(did you mean 'sales'\?\)"),
        (lambda m: m.funnel("sales", definition="reach"), r"did you mean 'reached'\?"),
        (lambda m: m.funnel("sales", definition="ordered", steps=["new", "cal"]), r"did you mean 'call'\?"),
        (lambda m: m.funnel("sales", definition="ordered", steps=[]), "steps: are empty"),
        (lambda m: m.funnel("sales", steps=["new"]), "steps: does not belong to 'reached'"),
        (lambda m: m.funnel("sales", closed=(hour(0), None)), "closed: does not belong to 'reached'"),
        (lambda m: m.funnel("sales", by="ownr"), r"did you mean 'owner'\?"),
        (lambda m: m.funnel("sales", onwer="ann"), r"did you mean 'owner'\?"),
        (lambda m: m.people("sales", by="month"), "people are always by owner"),
        (lambda m: m.funnel("sales").ids("cal"), "stage: 'cal' is not here"),
        (lambda m: m.funnel("sales").ids("call", "lots"), "column: 'lots' is not here"),
        (
            lambda m: m.funnel("sales", by="month").ids("call", group="1999-01"),
            "group: '1999-01' is not here",
        ),
        (lambda m: m.funnel("sales")["cal"], "stage: 'cal' is not here"),
        (lambda m: m.win_rate("sales").ids("wone"), "column: 'wone' is not here"),
        (lambda m: m.time_in_stage("sales").ids("cal", "open"), "stage: 'cal' is not here"),
        (lambda m: m.time_in_stage("sales").ids("call", "opn"), "column: 'opn' is not here"),
        (lambda m: m.potential("sales").ids("won"), "stage: 'won' is not here"),
        (lambda m: m.funnel("sales", by=3), "by: 3 is nothing to group by"),
        (lambda m: m.funnel("sales", by="custom."), "by: 'custom.' is nothing to group by"),
        (lambda m: m.funnel("sales", custom="x"), r"custom: 'x' is not a mapping \(give"),
        (lambda m: m.funnel("sales", custom={1: 2}), "a key of custom: 1 is not text"),
        (lambda m: m.funnel("sales", custom={"": 2}), "a key of custom: empty"),
        (lambda m: m.funnel("sales", custom={"a.b": {1}}), r"custom.a.b: \{1\} is not a JSON value"),
        (lambda m: m.funnel("sales", owner=["ann", "bob"]), r"owner: \['ann', 'bob'\] is not text"),
        (lambda m: m.funnel("sales", owner=3), "owner: 3 is not text"),
        (lambda m: m.funnel("sales", source=3), "source: 3 is not text"),
        (lambda m: m.funnel("sales", campaign=b"x"), "campaign: b'x' is not text"),
        (lambda m: m.funnel("sales", campaign="\ud800"), "campaign: holds half of a surrogate pair"),
        (lambda m: m.funnel("sales", repeat=3), "repeat: 3 is no mark"),
        (lambda m: m.funnel(["sales"]), r"pipeline: \['sales'\] is not a pipeline"),
        (lambda m: m.funnel("sales", definition="ordered", exclusions=["offer"]), "'offer' is not an Excl"),
        (lambda m: m.funnel("sales", created=date(2026, 1, 1)), "created: .* is not a period"),
        (lambda m: m.funnel("sales", created="2026"), "created: '2026' is not a period"),
        (lambda m: m.funnel("sales", created=(None,)), r"created: \(None,\) is not a period"),
        (lambda m: m.win_rate("sales", closed=3), r"closed: 3 is not a period \(give \(date"),
        (lambda m: m.flow("sales", period="ab"), "period: 'ab' is not a period"),
        (lambda m: m.compare_people("sales", mix="x"), "mix: 'x' makes no mix of work"),
        (lambda m: m.compare_people("sales", mix=3), "mix: 3 makes no mix of work"),
    ],
)
def test_a_wrong_question_is_answered_with_the_mend(ask: Callable[[Any], object], said: str) -> None:
    """The error names the argument, what is wrong with it, and what was probably meant."""
    with pytest.raises(InputError, match=said):
        ask(some())


@pytest.mark.parametrize(
    "filters",
    [
        {"as_of": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"as_of": datetime(2090, 1, 1, tzinfo=UTC)},
        {"created": (hour(5), hour(4))},
        {"created": (datetime(2026, 1, 1), None)},  # noqa: DTZ001
        {"created": ("2026-01-01", None)},
        {"created": (None, 3)},
        {"as_of": "2026-01-01"},
    ],
)
def test_a_wrong_time_is_refused(filters: dict[str, Any]) -> None:
    """Naive, in the future, ending before it begins, or no time at all."""
    with pytest.raises(TimeError):
        some().funnel("sales", **filters)


@pytest.mark.parametrize("at", ["2026", 3, [hour(1), "2026"]])
def test_a_stock_is_at_an_instant(at: Any) -> None:
    """Text is not taken apart letter by letter."""
    with pytest.raises(TimeError, match=r"at: ('2026'|3) is neither a date nor a datetime"):
        some().stock("sales", at=at)


def test_a_pipeline_has_at_most_sixty_stages() -> None:
    """More than that do not fit into one integer."""
    with pytest.raises(InputError, match="61 are more than the 60"):
        Shape(pipeline="p", stages=tuple((f"s{n}", "") for n in range(61)))


def test_sixty_stages_are_counted() -> None:
    """Skips are found on the last of sixty stages."""
    stages = tuple(f"s{n}" for n in range(60))
    paths = [("s0", "s59"), ("s0", "s58", "won")]
    records = [
        Record(str(n), 0, "", ("", 0), "", "", {}, tuple(Place(t, "p", s) for t, s in enumerate(path)))
        for n, path in enumerate(paths)
    ]
    funnel = analytics(records, {"p": stages}).funnel(by="owner")
    assert (funnel["s59"].count, funnel["s59"].fate.skipped, funnel["s58"].fate.skipped) == (2, 1, 1)


def test_the_only_pipeline_need_not_be_named() -> None:
    """With one pipeline there is no choice."""
    shape = Shape(pipeline="sales", stages=tuple((stage, "") for stage in PIPELINES["sales"]))
    source = feed([Record("d", 0, "", ("", 0), "", "", {}, (Place(0, "sales", "new"),))])
    assert Analytics(source, [shape], FrozenClock(hour(99))).funnel()["new"].count == 1
