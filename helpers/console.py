"""What the command line shows and writes: tables, a spinner, JSON files."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
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


class Steps:
    """A progress bar on the error stream; silent where that is no terminal. Yields two functions: print a line, move on."""

    def __init__(self, text: str, total: int):
        console = Console(stderr=True)
        self._bar = (
            Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) if console.is_terminal else None
        )
        self._task = self._bar.add_task(text, total=total) if self._bar else None

    def __enter__(self) -> tuple[Callable[[str], None], Callable[[], None]]:
        if self._bar is None:
            return lambda line: print(line, flush=True), lambda: None
        self._bar.start()
        return lambda line: self._bar.console.print(line, markup=False, highlight=False), lambda: self._bar.advance(self._task)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


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
