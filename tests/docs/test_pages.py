"""README and every hand-written page of docs: their snippets run, their links lead somewhere.

The ```python blocks of one page run in order, in one namespace and an empty folder. A block under
``<!-- output -->`` is what the ```python block before it prints; ``...`` stands for anything. A block
under ``<!-- file NAME -->`` is written to that file first. Markers stand on the line above a block.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
GUIDES = [name for name in PAGES if not name.startswith("docs/reference/")]  # doctests run those examples

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block of a page, the marker above it, and the line its text begins on."""

    language: str
    mark: str
    body: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("body")) + 1
        yield Block(found["language"], found["mark"] or "", found["body"], line)


def run_page(text: str, name: str) -> None:
    """Run a page in the current folder; fail where what it prints is not what it says it prints."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed: str | None = None
    for block in blocks(text):
        kind, _, file = block.mark.partition(" ")
        if block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile("\n" * (block.line - 1) + block.body, name, "exec"), namespace)  # noqa: S102
            printed = out.getvalue()
        elif kind == "output":
            assert printed is not None, f"{name}:{block.line}: output of no python block"
            same = doctest.OutputChecker().check_output(block.body, printed, doctest.ELLIPSIS)
            assert same, f"{name}:{block.line}: says\n{block.body}\nbut prints\n{printed}"
            printed = None
        elif kind == "file":
            Path(file).write_text(block.body, "utf-8")
        else:
            assert kind in {"", "setup:example", "setup:tests"}, f"{name}:{block.line}: what is {kind!r}?"


NEEDED = {
    "docs/howto/find-duplicates.md": ("rapidfuzz",),
    "docs/howto/charts.md": ("matplotlib",),
    "docs/howto/measure-with-duckdb.md": ("pyarrow", "duckdb"),
    "docs/howto/measure-with-clickhouse.md": ("pyarrow", "chdb"),
    "docs/howto/measure-with-spark.md": ("pyarrow", "pyspark"),
}
"""Page → the libraries that its snippets need."""
RUN = [
    pytest.param(name, marks=[pytest.mark.spark] if "pyspark" in NEEDED.get(name, ()) else [])
    for name in GUIDES
]


@pytest.mark.parametrize("name", RUN)
def test_the_snippets_of_a_page_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's snippets run as shown and print what is shown under them."""
    for library in NEEDED.get(name, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    run_page(PAGES[name].read_text("utf-8"), name)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\n1 / 0\n```\n", ZeroDivisionError),
        ("```python\nprint(1)\n```\n\n<!-- output -->\n```text\n2\n```\n", AssertionError),
        ("<!-- output -->\n```text\n2\n```\n", AssertionError),
        ("<!-- ouput -->\n```text\n2\n```\n", AssertionError),
    ],
)
def test_a_wrong_page_is_seen(
    text: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that fails, prints something else or holds an unknown marker does not pass."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        run_page(text, "page.md")


def test_a_right_page_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page finds the file it shows, goes on from block to block, and may leave some of the output open."""
    monkeypatch.chdir(tmp_path)
    run_page(
        "<!-- file a.txt -->\n```text\nAda\n```\n\n```python\nfrom pathlib import Path\n```\n\n"
        "```python\nprint(Path('a.txt').read_text())\n```\n\n<!-- output -->\n```text\nA...\n```\n",
        "page.md",
    )


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    broken = []
    for found in LINK.finditer(BLOCK.sub("", path.read_text("utf-8"))):
        file, _, anchor = found["target"].partition("#")
        if re.match(r"[a-z]+:", file):
            continue
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(found["target"])
    return broken


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name: str) -> None:
    """Every relative link names a file that is there, and a heading that is in it."""
    assert broken_links(PAGES[name]) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    """A missing file and a missing heading are both reported; a present one is not."""
    page = tmp_path / "page.md"
    page.write_text("# A b\n[x](#a-b) [y](#c) [z](none.md)\n", "utf-8")
    assert broken_links(page) == ["#c", "none.md"]


@pytest.mark.parametrize("mark", ["example", "tests"])
def test_a_set_up_is_one_command(mark: str) -> None:
    """README gives each of the two set-ups as one shell line."""
    found = [
        block for block in blocks(PAGES["README.md"].read_text("utf-8")) if block.mark == f"setup:{mark}"
    ]
    assert [(block.language, block.body.count("\n")) for block in found] == [("sh", 1)]


def test_the_readme_shows_the_first_example() -> None:
    """The first program of README is examples/hello.py, word for word."""
    first = next(
        block for block in blocks(PAGES["README.md"].read_text("utf-8")) if block.language == "python"
    )
    assert first.body in (ROOT / "examples" / "hello.py").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in GUIDES if name.startswith("docs/")])
def test_a_page_can_be_found(name: str) -> None:
    """Every guide is linked from the first page of the docs."""
    index = PAGES["docs/index.md"]
    linked = {(index.parent / found["target"]).resolve() for found in LINK.finditer(index.read_text("utf-8"))}
    assert PAGES[name] == index or PAGES[name].resolve() in linked
