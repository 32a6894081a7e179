"""What the command line shows and writes: tables, a spinner, a progress bar, JSON files."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


def print_rows(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], numbers_from: int | None = None) -> None:
    """Print a table; columns from ``numbers_from`` on are aligned right. Into a pipe it is as wide as it needs."""
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(head):
        is_number = numbers_from is not None and i >= numbers_from
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=240)
    console.print(table)


def spoken(value: Any) -> str:
    """Return a value as a reader wants it: thousands separated, four significant digits, nothing for a missing one."""
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


class Busy:
    """A spinner on the error stream while something runs; silent where that is no terminal, and in a notebook, which would store
    it. Yields what changes its text."""

    def __init__(self, text: str):
        self._text = text
        console = Console(stderr=True)
        self._status = console.status(text) if console.is_terminal and not console.is_jupyter else None

    def __enter__(self) -> Callable[[str], None]:
        if self._status is None:
            return lambda more: None
        self._status.start()
        return lambda more: self._status.update(f"{self._text} {more}")

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()


class Bar:
    """A progress bar on the error stream for ``total`` steps, silent where :class:`Busy` is. Yields what moves it: the number of
    steps done so far, and a word about them."""

    def __init__(self, text: str, total: int):
        self._text, self._total = text, total
        console = Console(stderr=True)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        shown = console.is_terminal and not console.is_jupyter
        self._progress = Progress(*columns, console=console, transient=True) if shown else None

    def __enter__(self) -> Callable[[int, str], None]:
        if self._progress is None:
            return lambda done, more: None
        self._progress.start()
        task = self._progress.add_task(self._text, total=self._total)
        return lambda done, more: self._progress.update(task, completed=done, description=f"{self._text} {more}")

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def write_json(path: Path, content: Any) -> None:
    """Write aside, then rename: the file is whole or not there."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write aside, then rename: the file is whole or not there."""
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
