"""Write docs/howto/pictures: ``python docs/make_pictures.py``. Needs the extra ``charts``.

The figures are those of the page docs/howto/charts.md: its snippets are run to draw them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "howto" / "charts.md"


def figures() -> dict[str, Any]:
    """Return file name → figure of every picture of the page."""
    namespace: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(snippet, namespace)  # noqa: S102 (our own page)
    return dict(namespace["pictures"])


def write(folder: Path) -> list[Path]:
    """Write the pictures as small PNG files, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures().items():
        figure.savefig(folder / name, dpi=110, metadata={"Software": None})
        written.append(folder / name)
    return written


if __name__ == "__main__":
    for path in write(PAGE.parent / "pictures"):
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
