"""What an import kept and what it dropped, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.errors import InputError

EXAMPLES = 5
"""Line numbers shown for each fault."""


@dataclass(frozen=True)
class Dropped:
    """Rows dropped for one reason: how many, and the first file lines (header = line 1)."""

    count: int
    lines: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ImportReport:
    """The outcome of checking one table against its schema.

    Attributes:
        source: the file or table checked.
        dataset_type: ``Interactions``, ``Items`` or ``Users``.
        frame: the clean rows: the schema's columns, in its order. Ids and texts are strings, TIMESTAMP is int64 (Unix
            seconds), every other number float64, booleans pandas "boolean"; an empty cell is missing.
        rows_read: rows in the source.
        dropped: reason -> count and example lines.
        warnings: what was kept but deserves a look.
        place: what the example numbers count: ``line`` of a file, or ``record`` of a JSON file.
    """

    source: str
    dataset_type: str
    frame: pd.DataFrame
    rows_read: int
    dropped: Mapping[str, Dropped] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    place: str = "line"

    @property
    def rows_kept(self) -> int:
        """Rows in :attr:`frame`, or that were in it before :meth:`summary`."""
        return self.rows_read - sum(dropped.count for dropped in self.dropped.values())

    def summary(self) -> "ImportReport":
        """Return the same report without the rows, for keeping."""
        return replace(self, frame=self.frame.iloc[:0])

    def notes(self) -> list[str]:
        """Return one sentence for each reason to drop rows and for each warning, with the source and the first lines."""
        rows = f"of {self.rows_read:,} rows dropped"
        dropped = [
            f"{self.source}: {gone.count:,} {rows}: {reason}, {show_lines(gone.lines, gone.count, self.place)}"
            for reason, gone in self.dropped.items()
        ]
        return dropped + [f"{self.source}: {warning}" for warning in self.warnings]

    def table(self) -> pd.DataFrame:
        """Return the report as a table to look at: columns ``what``, ``rows``, ``lines``; a warning is a row without a count."""
        rows = [("read", self.rows_read, ""), ("kept", self.rows_kept, "")]
        for reason, dropped in self.dropped.items():
            rows.append((f"dropped: {reason}", dropped.count, show_lines(dropped.lines, dropped.count, self.place)))
        rows += [(f"warning: {warning}", pd.NA, "") for warning in self.warnings]
        return pd.DataFrame(rows, columns=["what", "rows", "lines"]).astype({"rows": "Int64"})


class Findings:
    """The rows still in and the faults found so far; in strict mode the first fault is an error.

    Args:
        source: file or table name for messages.
        lines: file line of each row, ``(n,)``, or its record number.
        strict: refuse instead of dropping or warning.
    """

    def __init__(self, source: str, lines: np.ndarray, strict: bool, place: str = "line"):
        self.source, self.lines, self.strict, self.place = source, lines, strict, place
        self.keep = np.ones(len(lines), bool)
        self.dropped: dict[str, Dropped] = {}
        self.warnings: list[str] = []

    def drop(self, rows: np.ndarray, reason: str, *, allowed: bool = False) -> None:
        """Drop these rows (bool ``(n,)``); ``allowed`` drops are no fault even in strict mode."""
        rows = rows & self.keep
        count = int(rows.sum())
        if not count:
            return
        first = tuple(int(line) for line in self.lines[np.flatnonzero(rows)[:EXAMPLES]])
        if self.strict and not allowed:
            raise self.error(f"{reason} ({count} row{'s' * (count > 1)}); correct or remove them", first[0])
        self.dropped[reason] = Dropped(count, first)
        self.keep &= ~rows

    def warn(self, rows: np.ndarray, text: str, *, allowed: bool = False) -> None:
        """Note these rows (bool ``(n,)``), if any among those kept; ``allowed`` as in :meth:`drop`."""
        rows = rows & self.keep
        count = int(rows.sum())
        if not count:
            return
        first = self.lines[np.flatnonzero(rows)[:EXAMPLES]]
        if self.strict and not allowed:
            raise self.error(f"{text} ({count} row{'s' * (count > 1)}); correct or remove them", int(first[0]))
        self.warnings.append(f"{text}: {count} row{'s' * (count > 1)}, {show_lines(tuple(map(int, first)), count, self.place)}")

    def note(self, text: str) -> None:
        """Note something about the whole table; an error in strict mode."""
        if self.strict:
            raise self.error(text)
        self.warnings.append(text)

    def error(self, text: str, line: int | None = None) -> InputError:
        """Return the error that names the source and the line."""
        where = self.source + (f", {self.place} {line}" if line is not None else "")
        return InputError(f"{where}: {text}")


def show_lines(lines: tuple[int, ...], count: int, place: str = "line") -> str:
    """Return e.g. ``lines 3, 9, 12 ...``."""
    return f"{place}{'s' * (count > 1)} {', '.join(map(str, lines))}{' ...' * (count > len(lines))}"
