"""What an import of a table does, or would do, to each row; and what it did to all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import attrs

from funnelkit.errors import shown
from funnelkit.tables.drafts import Reason

__all__ = ["Fate", "Kept", "RowPlan", "TableReport", "summed"]

Fate = Literal["create", "fill", "same", "bad"]

_LISTED = 1_000
_SHOWN = 10


@attrs.frozen
class Kept:
    """A field that a row says otherwise than the record, which keeps what it has.

    >>> print(Kept("owner", "ann", "bob"))
    owner stays 'ann', the row says 'bob'
    """

    field: str
    here: Any
    there: Any

    def __str__(self) -> str:
        return f"{self.field} stays {shown(self.here)}, the row says {shown(self.there)}"


@attrs.frozen(kw_only=True)
class RowPlan:
    """What becomes of one row.

    Attributes:
        line: Where the row starts.
        fate: ``"create"``: a new record. ``"fill"``: blanks of a record are filled. ``"same"``: there is
            nothing to write. ``"bad"``: it cannot be used.
        record: The id of the record it is about; empty for a bad row.
        matched: The key by which a client was recognised that has another id: ``"email:…"``; or empty.
        earlier: The line of an earlier row of this file about the same record; 0 for none. Known to a
            plan, and within a batch of an import.
        fills: The fields that are filled.
        kept: The fields that the record keeps, though the row says otherwise.
        company: The name of the company that is made for it, or empty.
        reasons: Why the row cannot be used.
        notes: What somebody should look at.

    >>> print(RowPlan(line=7, fate="fill", record="csv-contact-3", earlier=2, fills=("phone",)))
    line 7: same record as line 2: fills phone of csv-contact-3
    """

    line: int
    fate: Fate
    record: str = ""
    matched: str = ""
    earlier: int = 0
    fills: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    company: str = ""
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.fate == "bad":
            return f"line {self.line}: bad: {'; '.join(map(str, self.reasons))}"
        told = {
            "create": f"creates {self.record}",
            "fill": f"fills {', '.join(self.fills)} of {self.record}",
            "same": f"changes nothing of {self.record}",
        }[self.fate]
        if self.matched:
            told += f", known by {self.matched}"
        if self.company:
            told += f", and makes the company {shown(self.company)}"
        if self.earlier:
            told = f"same record as line {self.earlier}: {told}"
        return "; ".join([f"line {self.line}: {told}", *map(str, self.kept), *self.notes])


@attrs.frozen(kw_only=True)
class TableReport:
    """What became of every row: ``rows == created + filled + same + bad``.

    Attributes:
        kind: Of the records.
        rows: All rows of the table but empty ones.
        created, filled, same, bad: Rows by fate, see `RowPlan`.
        matched: Rows of clients that were known under another id.
        repeats: Rows about a record of an earlier row, as far as that is seen; see `RowPlan.earlier`.
        companies: Companies that were made because a contact names them.
        empty: Empty rows, which say nothing.
        differing: Rows in which a record keeps what the row says otherwise.
        unknown: Columns of the table that feed nothing.
        notable: Rows that are bad, or have something kept or noted.
        listed: The first thousand of them. The file of bad rows has all bad ones.

    >>> print(TableReport(kind="deal", rows=3, created=2, bad=1))
    3 rows of deals: created 2, filled 0, same 0, bad 1
    """

    kind: str
    rows: int = 0
    created: int = 0
    filled: int = 0
    same: int = 0
    bad: int = 0
    matched: int = 0
    repeats: int = 0
    companies: int = 0
    empty: int = 0
    differing: int = 0
    notable: int = 0
    unknown: tuple[str, ...] = ()
    listed: tuple[RowPlan, ...] = ()

    def __str__(self) -> str:
        fates = f"created {self.created:,}, filled {self.filled:,}, same {self.same:,}, bad {self.bad:,}"
        lines = [f"{self.rows:,} rows of {_PLURAL[self.kind]}: {fates}"]
        more = {
            "clients known under another id": self.matched,
            "rows about a record of an earlier row": self.repeats,
            "companies made": self.companies,
            "rows that say otherwise than what is here, which stays": self.differing,
            "empty rows": self.empty,
        }
        lines += [f"  {words}: {number:,}" for words, number in more.items() if number]
        if self.unknown:
            lines.append(f"  columns that feed nothing: {', '.join(self.unknown)}")
        lines += [f"  {row}" for row in self.listed[:_SHOWN]]
        if self.notable > _SHOWN:
            lines.append(f"  and {self.notable - _SHOWN:,} more rows to look at: {self._where()}")
        return "\n".join(lines)

    def _where(self) -> str:
        """Say where the rows are that are not shown."""
        told = f"report.listed has {'all' if self.notable <= _LISTED else f'the first {_LISTED:,}'}"
        return f"{told}, bad_rows= writes all bad ones to a file" if self.bad else told


_PLURAL = {"lead": "leads", "deal": "deals", "contact": "contacts", "company": "companies"}


def summed(report: TableReport, rows: Iterable[RowPlan], empty: int) -> TableReport:
    """Return a report that counts more rows, and as many empty ones in all."""
    counts = dict.fromkeys(("create", "fill", "same", "bad"), 0)
    matched = repeats = companies = differing = notable = 0
    listed = list(report.listed)
    for row in rows:
        counts[row.fate] += 1
        matched += bool(row.matched)
        repeats += bool(row.earlier)
        companies += bool(row.company)
        differing += bool(row.kept)
        if row.fate == "bad" or row.kept or row.notes:
            notable += 1
            if len(listed) < _LISTED:
                listed.append(row)
    return attrs.evolve(
        report,
        rows=report.rows + sum(counts.values()),
        created=report.created + counts["create"],
        filled=report.filled + counts["fill"],
        same=report.same + counts["same"],
        bad=report.bad + counts["bad"],
        matched=report.matched + matched,
        repeats=report.repeats + repeats,
        companies=report.companies + companies,
        differing=report.differing + differing,
        notable=report.notable + notable,
        empty=empty,
        listed=tuple(listed),
    )
