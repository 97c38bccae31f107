"""Files of rows: every line is somewhere, whatever the file is."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.errors import InputError, MissingExtraError
from funnelkit.tables import lines
from funnelkit.tables.files import Table, read_table
from funnelkit.tables.rows import Row

openpyxl = pytest.importorskip("openpyxl", reason="the extra for sheets is not installed")


def table(data: bytes | str, **options: str) -> Table:
    """Open a text file held in memory."""
    return read_table(io.BytesIO(data.encode() if isinstance(data, str) else data), **options)


def cells(data: bytes | str, **options: str) -> list[tuple[str, ...]]:
    """Return the cells of all good rows."""
    return [row.cells for row in table(data, **options) if not row.reason]


def bad(data: bytes | str, **options: str) -> dict[int, str]:
    """Return line → reason of all bad rows."""
    return {row.line: row.reason for row in table(data, **options) if row.reason}


@pytest.mark.parametrize(
    ("encoded", "taken"),
    [
        ("имя;город\nАда;Лондон\n".encode(), "utf-8"),
        ("имя;город\nАда;Лондон\n".encode("utf-8-sig"), "utf-8-sig"),
        ("имя;город\nАда;Лондон\n".encode("cp1251"), "cp1251"),
        ("имя;город\nАда;Лондон\n".encode("utf-16"), "utf-16"),
    ],
)
def test_the_encoding_is_found_out(encoded: bytes, taken: str) -> None:
    """UTF-8 with and without its mark, UTF-16 with its mark and cp1251 are told apart, and it is said."""
    found = table(encoded)
    assert (found.columns, found.encoding) == (("имя", "город"), taken)
    assert [row.cells for row in found] == [("Ада", "Лондон")]
    assert taken in found.why


def test_one_damaged_byte_makes_no_other_encoding_of_a_file() -> None:
    """UTF-8 with a damaged row stays UTF-8: that row is bad, the others are read."""
    data = "имя;город\nАда;Лондон\nБоб;Пер".encode() + b"\xd0\n" + "Ева;Рим\n".encode()
    assert cells(data) == [("Ада", "Лондон"), ("Ева", "Рим")]
    assert list(bad(data)) == [3]


def test_a_given_encoding_is_taken() -> None:
    """Latin letters of cp1252 need the encoding said, as every byte is a letter of cp1251 as well."""
    assert cells("a;b\né;1\n".encode("cp1252"), encoding="cp1252") == [("é", "1")]


def test_bytes_that_are_no_text_make_a_bad_row() -> None:
    """Byte 0x98 is nothing in cp1251."""
    data = "имя;город\nАда;Лондон\n".encode("cp1251") + b"\x98;x\n"
    assert list(bad(data)) == [3]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    """The one that splits the header and the rows alike is taken, whatever the texts hold."""
    rows = [["id", "name", "sum"], ["1", "a, b; c\td", "1,5"], ["2", "x", "2;5"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    found = table(text.getvalue())
    assert found.delimiter == delimiter
    assert [list(row.cells) for row in found] == rows[1:]


def test_the_delimiter_is_found_out_beside_a_cell_of_any_length() -> None:
    """A cell that is too long to be read spoils its own row, and not the header."""
    data = b"id;name\n1;" + b"x" * 150_000 + b"\n2;Bob\n"
    assert read_table(io.BytesIO(data)).columns == ("id", "name")


def test_a_decimal_comma_is_no_delimiter() -> None:
    """Rows that a comma would split as well are split by the semicolon of the header."""
    assert table("id;sum\n1;1,5\n2;2,5\n").delimiter == ";"


def test_rows_decide_between_two_delimiters_of_a_header() -> None:
    """A header that both would split is split by the one that splits the rows alike."""
    assert table("Name, full;Sum\nAda;1\nBob;2\n").delimiter == ";"


def test_a_line_may_say_the_delimiter() -> None:
    """A first line of ``sep=`` is obeyed, and is no header."""
    found = table("sep=,\na;x,b\n1,2\n")
    assert (found.columns, [row.line for row in found]) == (("a;x", "b"), [3])


def test_a_row_is_on_the_line_it_starts() -> None:
    """A quoted cell may hold line breaks; the rows after it keep their lines."""
    assert [(row.line, row.cells) for row in table('a;b\n"1\n2\r\n3";x\n4;5\n')] == [
        (2, ("1\n2\r\n3", "x")),
        (5, ("4", "5")),
    ]


def test_empty_lines_are_counted() -> None:
    """Lines without any text, with or without delimiters, are skipped and counted, at every pass."""
    found = table("\na;b\n\n1;2\n ; \n;\n3;4\n\n")
    for _ in range(2):
        assert len(list(found)) == 2
        assert found.empty == 5


def test_rows_of_another_width_are_bad() -> None:
    """Too few and too many cells are reasons."""
    reasons = bad("a;b\n1\n1;2;3\n4;5\n")
    assert reasons[2] == "has 1 cell, the header has 2"
    assert reasons[3].startswith("has 3 cells, the header has 2")


def test_a_nul_character_makes_a_bad_row() -> None:
    """A NUL is a reason, and the rows around it are read."""
    assert bad("a;b\n1;2\0\n3;4\n") == {2: "holds a NUL character"}
    assert cells("a;b\n1;2\0\n3;4\n") == [("3", "4")]


def test_a_broken_quote_costs_one_line() -> None:
    """A quote that is never closed takes nothing but its own line with it."""
    data = 'a;b\n1;2\n3;"4\n5;6\n7;8\n'
    assert bad(data) == {3: "opens a quote that is never closed"}
    assert cells(data) == [("1", "2"), ("5", "6"), ("7", "8")]


def test_text_after_a_closing_quote_is_bad() -> None:
    """A quote that is not doubled is no part of a quoted cell."""
    data = 'a;b\n"The "Best" Shop";2\n3;4\n'
    assert list(bad(data)) == [2]
    assert cells(data) == [("3", "4")]


def test_a_file_that_ends_within_a_row_has_a_bad_row() -> None:
    """A truncated file gives all of its whole rows."""
    data = "a;b;c\n1;2;3\n4;5"
    assert (cells(data), list(bad(data))) == ([("1", "2", "3")], [3])


def test_a_row_without_end_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than the limit is one bad row, and the next line is read."""
    monkeypatch.setattr(lines, "ROW_LIMIT", 50)
    data = "a;b\n1;" + "x" * 500 + "\n3;4\n"
    assert bad(data) == {2: "is longer than 50 characters"}
    assert cells(data) == [("3", "4")]


def test_a_quote_that_swallows_more_than_a_row_may_hold_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines after an open quote are read as rows, though a later quote would close it."""
    monkeypatch.setattr(lines, "ROW_LIMIT", 50)
    data = 'a;b\n1;"x\n' + "3;4\n" * 30 + '5;y"\n'
    assert len(cells(data)) == 31
    assert list(bad(data)) == [2]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"a;b;\n", "column 3 of 3: no name"),
        (b"a;b;A\n", "'a' names columns 1, 3"),
        (b"PK\x03\x04 no zip", "no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "before 2007"),
        (b"<html><table></table>", "web page"),
        (b'"a;b\n1;2\n', "quote"),
    ],
)
def test_files_that_are_no_tables_are_refused(data: bytes, told: str) -> None:
    """What is no table is an error that says why."""
    with pytest.raises(InputError, match=told):
        table(data)


def test_arguments_are_checked() -> None:
    """Wrong arguments are errors that name them."""
    for options, told in (
        ({"encoding": "klingon"}, "encoding"),
        ({"encoding": "base64"}, "encoding"),
        ({"delimiter": "ab"}, "delimiter"),
        ({"sheet": "Deals"}, "sheet"),
    ):
        with pytest.raises(InputError, match=told):
            table("a;b\n", **options)
    for wrong in (io.StringIO("a;b"), 7, None, Path("no such file.csv"), "no\0file"):
        with pytest.raises(InputError, match="file"):
            read_table(wrong)  # type: ignore[arg-type]


class Pipe(io.RawIOBase):
    """A file that can be read once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return what comes next."""
        return self._data.read(size)


def test_what_cannot_be_rewound_is_read_as_often_as_needed() -> None:
    """A stream is copied, so that a table of it can be gone through twice."""
    found = read_table(Pipe(b"a;b\n1;2\n"))  # type: ignore[arg-type]
    assert list(found) == list(found) == [Row(2, ("1", "2"))]


def test_a_file_is_read_from_where_it_stands_and_stays_open() -> None:
    """What was read of a file before belongs to somebody else, and so does closing it."""
    file = io.BytesIO(b"junk\na;b\n1;2\n")
    file.readline()
    assert [row.cells for row in read_table(file)] == [("1", "2")]
    assert not file.closed


def test_a_path_is_read(tmp_path: Path) -> None:
    """A path is opened anew for every pass."""
    path = tmp_path / "deals.csv"
    path.write_bytes(b"a;b\n1;2\n")
    assert [row.cells for row in read_table(path)] == [row.cells for row in read_table(str(path))]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=8),
            min_size=3,
            max_size=3,
        ),
        max_size=6,
    )
)
def test_what_was_written_as_csv_is_read(rows: list[list[str]]) -> None:
    """Every row that holds any text comes back as it was, and the others are counted."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["id", "name", "sum"])
    writer.writerows(rows)
    found = table(text.getvalue(), delimiter=";", encoding="utf-8")
    assert [list(row.cells) for row in found] == [row for row in rows if any(map(str.strip, row))]
    assert found.empty == sum(not any(map(str.strip, row)) for row in rows)


# -- sheets --------------------------------------------------------------------------------------


def workbook(*rows: list[object], title: str = "Deals") -> io.BytesIO:
    """Return a workbook of one sheet."""
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def test_a_sheet_is_read_with_its_types() -> None:
    """Numbers, text and missing cells come as they are, with the number of their row."""
    found = read_table(workbook(["id", "sum", "note"], [1, 2.5, "x"], [], [2, None, None]))
    assert found.columns == ("id", "sum", "note")
    assert list(found) == [Row(2, (1, 2.5, "x")), Row(4, (2, None, None))]
    assert (found.empty, found.sheet, found.encoding) == (1, "Deals", "")


def test_a_sheet_is_chosen_by_name() -> None:
    """A sheet that is not there is an error with the likely one."""
    with pytest.raises(InputError, match="did you mean 'Deals'"):
        read_table(workbook(["id"]), sheet="Deal")


def test_cells_beyond_the_header_are_bad() -> None:
    """Text to the right of the header's last column is a reason."""
    (row,) = read_table(workbook(["id", "sum"], [1, 2, 3]))
    assert row.reason == "has 3 cells, the header has 2"


def test_a_damaged_workbook_is_an_error() -> None:
    """Every cut of a workbook is read or refused, with no other error."""
    whole = workbook(["id", "sum"], [1, 2]).getvalue()
    for end in range(4, len(whole), 97):
        with pytest.raises(InputError):
            list(read_table(io.BytesIO(whole[:end])))


def test_a_sheet_has_no_encoding() -> None:
    """An encoding or a delimiter of a workbook is an error."""
    with pytest.raises(InputError, match="workbook"):
        read_table(workbook(["id"]), encoding="utf-8")


def test_without_the_extra_a_sheet_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where openpyxl is missing, the error names the extra."""
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"funnelkit\[xlsx\]"):
        read_table(workbook(["id"]))
