"""Whole stores to files and back into an empty one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from funnelkit import AsyncEngine, Engine, FrozenClock, Pipeline, Stage, money, templates
from funnelkit.errors import InputError
from funnelkit.records import Record
from funnelkit.tables.record_files import _referring, export_records, import_records

FORMATS = ["csv", "jsonl", "parquet"]
SALES = Pipeline("sales", [Stage("new"), Stage("offer")], close_reasons={"lost": {"price": "Too dear"}})
PAST = {"version", "moves", "visited", "updated_at", "seal"}
"""What a snapshot does not know of leads and deals."""


def an_engine() -> Engine:
    """Return an engine over an empty store."""
    clock = FrozenClock(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    return Engine(SALES, Pipeline("care", [Stage("ticket")]), templates.lead_intake(), clock=clock)


def full() -> Engine:
    """Return an engine with records that have something in every field."""
    engine = an_engine()
    clock: Any = engine._shell.clock  # noqa: SLF001 (the clock that was given)
    acme = engine.create_company(
        "=Acme, Ltd", owner="ann", custom={"vat": "GB 1", "tags": ["a", {"b": None}]}
    )
    ada = engine.create_contact(
        "Ada 'A'\nLovelace", email="ada@acme.example", phone="+44 20 7946 0000", company=acme, source="web"
    )
    open_deal = engine.create(
        "Roof",
        pipeline="sales",
        contact=ada,
        company=acme,
        value=money("1234.50", "EUR"),
        probability=0.25,
        expected_close=date(2026, 5, 1),
        campaign="spring",
        custom={"size": 1.5, "urgent": True},
    )
    clock.tick("2d")
    engine.move(open_deal, "offer")
    lost = engine.create("Barn", pipeline="care", owner="bob")
    clock.tick("3h")
    engine.lose(lost, reason="no money", note="in spring", actor="bob")
    lead = engine.capture("Grace", email="grace@x.example", company_name="X", phone="1234567")
    engine.void(lead, reason="duplicate", actor="ann")
    return engine


def told(record: Record) -> dict[str, Any]:
    """Return what of a record a snapshot knows."""
    past = PAST if hasattr(record, "moves") else set()
    return {name: value for name, value in attrs.asdict(record, recurse=False).items() if name not in past}


def copied(engine: Engine, folder: Path, suffix: str) -> Engine:
    """Return an engine over an empty store into which all files of another were imported."""
    other = an_engine()
    other._shell.clock.tick("10d")  # type: ignore[attr-defined] # noqa: SLF001 (the clock that was given)
    for kind in ("company", "contact", "lead", "deal"):
        path = folder / f"{kind}.{suffix}"
        number = export_records(engine, kind, path)
        report = import_records(other, kind, path)
        assert (report.rows, report.created, report.bad) == (number, number, 0), str(report)
    return other


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("kind", ["company", "contact", "lead", "deal"])
def test_records_are_what_they_were(suffix: str, kind: Any, tmp_path: Path) -> None:
    """What was exported and imported into an empty store is equal in all that a snapshot knows."""
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    engine = full()
    other = copied(engine, tmp_path, suffix)
    before, after = (
        [one for pipeline in engines.pipelines for one in engines.find(kind, pipeline=pipeline)]
        if kind in {"lead", "deal"}
        else engines.find(kind)
        for engines in (engine, other)
    )
    assert before
    assert [told(one) for one in after] == [told(one) for one in before]


@pytest.mark.parametrize("kind", ["company", "contact", "lead", "deal"])
def test_the_same_file_twice_changes_nothing(kind: Any, tmp_path: Path) -> None:
    """A record that is there under its id is the same."""
    other = copied(full(), tmp_path, "jsonl")
    report = import_records(other, kind, tmp_path / f"{kind}.jsonl")
    assert (report.same, report.differing) == (report.rows, 0), str(report)


def test_what_was_imported_is_sound(tmp_path: Path) -> None:
    """The ledger of imported records replays to the records."""
    assert copied(full(), tmp_path, "csv").verify() == ()


def test_many_records_are_paged(tmp_path: Path) -> None:
    """More records than a page are all there, once, with progress to the end."""
    engine = Engine()
    for number in range(2_100):
        engine.create_company(f"Firm {number}")
    shown: list[tuple[int, int]] = []
    count = export_records(engine, "company", tmp_path / "all.csv", progress=lambda *at: shown.append(at))
    assert count == 2_100
    assert shown[0] == (1_000, 2_100)
    assert shown[-1] == (2_100, 2_100)
    assert import_records(Engine(), "company", tmp_path / "all.csv").rows == 2_100


def test_a_merged_record_is_a_bad_row(tmp_path: Path) -> None:
    """A record that another one stands for is not brought to life again."""
    engine = Engine()
    path = tmp_path / "c.jsonl"
    engine.create_company("Acme", id="c1")
    export_records(engine, "company", path)
    path.write_text(path.read_text("utf-8").replace('"replaced_by":""', '"replaced_by":"c2"'), "utf-8")
    report = import_records(Engine(), "company", path)
    assert [str(row) for row in report.listed] == ["line 1: bad: replaced_by: c2 stands for it"]


@pytest.mark.parametrize("name", ["all", "all.xlsx", 7])
def test_a_name_tells_the_format(name: Any) -> None:
    """A path that ends in no known format is an error."""
    with pytest.raises(InputError, match="names no format"):
        export_records(Engine(), "company", name)


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """The file is replaced once all of the new one is there."""
    path = tmp_path / "c.csv"
    path.write_text("old")

    def fails(_done: int, _total: int) -> None:
        raise RuntimeError

    engine = Engine()
    engine.create_company("Acme")
    with pytest.raises(RuntimeError):
        export_records(engine, "company", path, progress=fails)
    assert path.read_text() == "old"


def merged() -> Engine:
    """Return an engine in which clients, deals and a lead were merged, and some name who is no more."""
    engine = an_engine()
    acme, twin = engine.create_company("Acme"), engine.create_company("ACME Ltd")
    ada = engine.create_contact("Ada", email="ada@acme.example", company=acme)
    again = engine.create_contact("Ada L.", email="ada@acme.example", company=twin)
    roof = engine.create("Roof", pipeline="sales", contact=ada, company=acme)
    barn = engine.create("Barn", pipeline="sales", contact=again, company=twin)
    engine.lose(engine.create("Old", pipeline="sales", contact=again, company=twin), reason="price")
    lead = engine.capture("Ada", email="ada@home.example", contact=again)
    for survivor, loser in ((acme, twin), (ada, again), (roof, barn)):
        engine.apply(engine.plan_merge([survivor.id, loser.id], survivor=survivor.id))
    assert lead is not None
    return engine


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_what_was_merged_comes_back_as_its_survivor(suffix: str, tmp_path: Path) -> None:
    """An export leaves out who was merged and names the survivor; no row is bad, and nobody is lost."""
    engine = merged()
    other = copied(engine, tmp_path, suffix)
    counts: tuple[tuple[Any, int], ...] = (("company", 1), ("contact", 1), ("deal", 2), ("lead", 1))
    for kind, number in counts:
        before = [one for one in engine.store.find(kind, {}) if not one.replaced_by]
        after = other.store.find(kind, {})
        assert len(after) == number
        assert [one.id for one in after] == [one.id for one in before]
    ada: Any
    acme: Any
    (ada,), (acme,) = other.store.find("contact", {}), other.store.find("company", {})
    deals: list[Any] = list(other.store.find("deal", {}))
    assert {(deal.contact, deal.company) for deal in deals} == {(ada.id, acme.id)}
    assert ada.company == acme.id


def test_a_reference_to_who_was_merged_is_led_on() -> None:
    """A record that still names who was merged twice names who stands for them in the file."""
    engine = Engine(SALES)
    first, second, third = (engine.create_contact(name) for name in ("Ada", "Bob", "Cid"))
    deal = engine.create("Roof", contact=third)
    for survivor, loser in ((second, third), (first, second)):
        engine.apply(engine.plan_merge([survivor.id, loser.id], survivor=survivor.id))
    late: Any = attrs.evolve(deal, contact=third.id)
    led: list[Any] = list(_referring(engine.store, [late]))
    assert [one.contact for one in led] == [first.id]


def test_a_store_is_exported(tmp_path: Path) -> None:
    """In the place of an engine its store can be given."""
    engine = full()
    path, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert export_records(engine.store, "deal", path) == export_records(engine, "deal", other) == 2
    assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("wrong", ["engine", "store", "text", "type"])
def test_an_awaited_engine_is_refused_by_name(wrong: str, tmp_path: Path) -> None:
    """What works at once is not for engines and stores that are awaited, and the error says so."""
    awaited = AsyncEngine(SALES)
    given: Any = {"engine": awaited, "store": awaited.store, "text": "crm.db", "type": Engine}[wrong]
    with pytest.raises(InputError, match="is no Engine"):
        export_records(given, "deal", tmp_path / "d.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_two_exports_to_one_path_do_not_mix(format: str, tmp_path: Path) -> None:
    """One that begins while another one writes leaves a whole file; the last to end stays."""
    if format == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"deals.{format}"
    engine, other = full(), an_engine()
    other.create("Alone", pipeline="sales")

    def show(done: int, total: int) -> None:
        if 0 < done < 3 and not path.exists():
            assert export_records(other, "deal", path) == 1

    assert export_records(engine, "deal", path, progress=show) == 2
    assert import_records(an_engine(), "deal", path).rows == 2
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """The file of before stays, and nothing stands beside it."""
    path = tmp_path / "deals.csv"
    export_records(full(), "deal", path)
    before = path.read_bytes()

    def show(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_records(full(), "deal", path, progress=show)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the path that was given, not that of the draft."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        export_records(full(), "deal", Path("none", "deals.csv"))
    assert caught.value.problem == "'none/deals.csv' cannot be written: No such file or directory"
