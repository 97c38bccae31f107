"""A small application: its pipeline in a TOML file, its deals in one SQLite file beside it.

    python examples/sqlite_app.py [FOLDER]

Without FOLDER it runs in a temporary one. With one, run it again: it goes on from what it finds there.
Edit FOLDER/pipeline.toml in between, and it follows the new definition.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from funnelkit import Engine, Pipeline, money
from funnelkit.errors import FunnelkitError

DEFINITION = """\
id = "sales"
label = "Продажи"
moves = "ordered"

[[stages]]
id = "new"
label = "Новая заявка"
probability = 0.1

[[stages]]
id = "offer"
label = "Предложение"
probability = 0.4
requires = ["value"]

[[stages]]
id = "contract"
label = "Договор"
probability = 0.8

[close_reasons.lost]
price = "слишком дорого"
silence = "не отвечает"
"""


def opened(folder: Path) -> Engine:
    """Open the application in a folder; the first time, make its files."""
    folder.mkdir(parents=True, exist_ok=True)
    definition = folder / "pipeline.toml"
    if not definition.exists():
        definition.write_text(DEFINITION, "utf-8")
    return Engine(
        Pipeline.from_toml(definition.read_text("utf-8")),
        store=f"sqlite:///{folder / 'crm.db'}",
    )


def work(engine: Engine) -> None:
    """Do what people do in a day: three new deals, one won, one lost, one still open."""
    won = engine.create("Acme, 40 seats", value=money("12000", "EUR"), owner="ann", source="fair")
    lost = engine.create("Bolt, 5 seats", value=money("1500", "EUR"), owner="bob", source="web")
    engine.create("Coda, 12 seats", owner="ann", source="web")
    for _ in range(2):
        won = engine.advance(won, actor="ann")
    engine.win(won, actor="ann")
    lost = engine.advance(lost, actor="bob")
    engine.lose(lost, actor="bob", reason="price")


def show(engine: Engine) -> None:
    """Print the board and the funnel."""
    (pipeline,) = engine.pipelines.values()
    for stage in pipeline.stages:
        cards = engine.find("deal", stage=stage.id, outcome="open")
        print(f"{stage.label or stage.id}: {', '.join(deal.name for deal in cards) or '-'}")
    print("\n", engine.analytics.funnel(), sep="")


def main(folder: Path) -> None:
    """Work for a day, close, open again, and look at what was kept."""
    with opened(folder) as engine:
        work(engine)
    with opened(folder) as engine:
        show(engine)
        print(f"\n{len(engine.verify())} differences between the records and their ledger in {folder}")


if __name__ == "__main__":
    try:
        if len(sys.argv) > 1:
            main(Path(sys.argv[1]))
        else:
            with tempfile.TemporaryDirectory() as temporary:
                main(Path(temporary))
    except (FunnelkitError, OSError) as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
