"""`ImportReport`: what became of every row of an import."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = ["BadRow", "ImportReport"]

_SHOWN = 10


@attrs.frozen
class BadRow:
    """A row that was not imported, and why.

    Attributes:
        line: Where it stands: the line of the file for a ``csv.DictReader``, else its number.
        record: The record id it names, or empty.
        reason: What is wrong with it.

    >>> print(BadRow(7, "case-3", "when: '31/31' is not a time"))
    line 7 (case-3): when: '31/31' is not a time
    """

    line: int
    record: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}{f' ({self.record})' if self.record else ''}: {self.reason}"


@attrs.frozen(kw_only=True)
class ImportReport:
    """What became of every row: ``rows == used + repeats + present + ignored + len(bad)``.

    Attributes:
        pipeline: Where the records are now.
        rows: All rows of the log.
        records: New records.
        continued: Records of an earlier import that have gone on since.
        used: Rows that created, moved, closed or reopened a record.
        repeats: Rows that said where the record was already; nothing of them was taken.
        present: Rows that an earlier import used; nothing of them was taken again.
        ignored: Rows of activities that the log says to ignore.
        ignored_activities: Those activities → their numbers of rows.
        bad: Rows that were not imported, by line.
        reopened: Rows that opened a closed record again.
        early: Ids of the records that have an event dated before their creation.
        unclear_times: Times that a clock change repeats or leaves out.

    >>> print(ImportReport(pipeline="sales", rows=5, records=2, used=4, bad=(BadRow(3, "", "case: empty"),)))
    5 rows, new records in sales: 2
      used 4, repeats 0, ignored 0, bad 1
      bad line 3: case: empty
    """

    pipeline: str
    rows: int
    records: int
    used: int
    repeats: int = 0
    present: int = 0
    continued: int = 0
    ignored_activities: Mapping[str, int] = attrs.field(factory=dict)
    bad: tuple[BadRow, ...] = ()
    reopened: int = 0
    early: tuple[str, ...] = ()
    unclear_times: int = 0

    @property
    def ignored(self) -> int:
        """Number of rows of activities that the log says to ignore."""
        return sum(self.ignored_activities.values())

    def __str__(self) -> str:
        fates = {"used": self.used, "repeats": self.repeats}
        if self.present:
            fates["present"] = self.present
        fates |= {"ignored": self.ignored, "bad": len(self.bad)}
        lines = [
            f"{self.rows:,} rows, new records in {self.pipeline}: {self.records:,}",
            "  " + ", ".join(f"{fate} {number:,}" for fate, number in fates.items()),
        ]
        if self.continued:
            lines.append(f"  records that have gone on since: {self.continued:,}")
        if self.reopened:
            lines.append(f"  rows that opened a closed record again: {self.reopened:,}")
        if self.early:
            named = ", ".join(self.early[:_SHOWN]) + (", …" if len(self.early) > _SHOWN else "")
            lines.append(f"  records with an event before their creation: {len(self.early):,} ({named})")
        if self.unclear_times:
            lines.append(f"  times that a clock change makes unclear: {self.unclear_times:,}")
        lines += [f"  bad {row}" for row in self.bad[:_SHOWN]]
        if len(self.bad) > _SHOWN:
            lines.append(f"  and {len(self.bad) - _SHOWN:,} more bad rows")
        return "\n".join(lines)
