"""``progress=``: what may be given to those who take long, everywhere alike."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from funnelkit import (
    Engine,
    EventLog,
    MemoryStore,
    Pipeline,
    SQLiteStore,
    Stage,
    convert_open_leads,
    copy_store,
    import_log,
    import_table,
    rekey,
    templates,
)
from funnelkit.errors import InputError
from funnelkit.progress import shower
from funnelkit.tables import export_records, import_records
from funnelkit.tables.presets import simple

LOG = EventLog(record="case", activity="what", time="when", zone="UTC", stages={"Inquiry": "new"})


def an_engine() -> Engine:
    """Return an engine with a lead, so that there is something to do."""
    engine = Engine(templates.lead_intake(), Pipeline("sales", [Stage("new")]))
    engine.capture("Ada", email="ada@example.org")
    return engine


def _backed_up(_: Engine, path: Path, wrong: Any) -> None:
    with SQLiteStore(path / "a.db") as store:
        store.backup(path / "b.db", progress=wrong)


TAKERS: dict[str, Callable[[Engine, Path, Any], object]] = {
    "duplicates": lambda engine, _, wrong: engine.duplicates("lead", progress=wrong),
    "convert_open_leads": lambda engine, _, wrong: convert_open_leads(engine, progress=wrong),
    "rekey": lambda engine, _, wrong: rekey(engine, progress=wrong),
    "import_log": lambda engine, _, wrong: import_log(engine, [], LOG, pipeline="sales", progress=wrong),
    "import_table": lambda engine, _, wrong: import_table(
        engine, io.BytesIO(b"id;name\n1;Bob\n"), simple.contacts(), progress=wrong
    ),
    "export_records": lambda engine, path, wrong: export_records(
        engine, "lead", path / "leads.jsonl", progress=wrong
    ),
    "import_records": lambda engine, path, wrong: import_records(
        engine, "company", path / "no.jsonl", progress=wrong
    ),
    "copy_store": lambda engine, _, wrong: copy_store(engine.store, MemoryStore(), progress=wrong),
    "backup": _backed_up,
}


@pytest.mark.parametrize("verb", TAKERS)
@pytest.mark.parametrize("wrong", [5, "yes", 0, [print]])
def test_what_cannot_be_called_is_refused(verb: str, wrong: object, tmp_path: Path) -> None:
    """Whatever takes long says so before it begins, in the same words."""
    engine = an_engine()
    before = engine.find("lead"), engine.find("contact")
    with pytest.raises(InputError, match=r"^progress: .* cannot be called"):
        TAKERS[verb](engine, tmp_path, wrong)
    assert (engine.find("lead"), engine.find("contact")) == before
    assert not (tmp_path / "b.db").exists()


@pytest.mark.parametrize("quiet", [None, False])
def test_nothing_is_shown_to_who_asks_for_nothing(quiet: bool | None, capsys: Any) -> None:
    """None and False draw nothing."""
    shower(quiet)(1, 2)
    assert capsys.readouterr() == ("", "")
