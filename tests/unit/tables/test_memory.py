"""The collector of cycles while tables are imported."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator

import pytest

from funnelkit import Engine
from funnelkit.tables import import_table, plan_table
from funnelkit.tables.memory import uncollected
from funnelkit.tables.presets import simple

ROWS = b"id;name\n1;Ada\n2;Bob\n"


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Leave the collector on."""
    yield
    gc.enable()


def test_it_is_on_again_after_a_failure() -> None:
    """Whatever is raised meanwhile, the collector works afterwards."""
    with pytest.raises(KeyboardInterrupt), uncollected():
        raise KeyboardInterrupt
    assert gc.isenabled()


def test_who_had_it_off_has_it_off() -> None:
    """The collector of a program that has turned it off is not turned on."""
    gc.disable()
    with uncollected():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_it_is_on_between_the_rows_of_a_plan_and_the_batches_of_an_import() -> None:
    """What the caller does in between is collected as always."""
    seen = [gc.isenabled() for _ in plan_table(Engine(), io.BytesIO(ROWS), simple.contacts())]
    import_table(
        Engine(),
        io.BytesIO(ROWS),
        simple.contacts(),
        batch=1,
        progress=lambda done, total: seen.append(gc.isenabled()),
    )
    assert seen == [True] * 5
