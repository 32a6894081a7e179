"""A notebook under examination, and the register of the rules it is examined by."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat


@dataclass(frozen=True)
class Page:
    """One notebook under examination."""

    path: Path
    kind: str

    @cached_property
    def raw(self) -> dict:
        return json.loads(self.path.read_text(encoding="utf-8"))

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.path, as_version=4)

    @cached_property
    def cells(self) -> list[tuple[int, nbformat.NotebookNode]]:
        return list(enumerate(self.notebook.cells))

    @cached_property
    def code(self) -> list[tuple[int, nbformat.NotebookNode]]:
        return [(i, cell) for i, cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def prose(self) -> list[tuple[int, nbformat.NotebookNode]]:
        return [(i, cell) for i, cell in self.cells if cell.cell_type == "markdown"]

    @property
    def number(self) -> str:
        return self.path.stem[:2]

    def tagged(self, tag: str) -> list[tuple[int, nbformat.NotebookNode]]:
        return [(i, cell) for i, cell in self.cells if tag in cell.metadata.get("tags", [])]

    def sections(self) -> dict[str, str]:
        """Heading of level 2 -> the Markdown below it."""
        text = "\n\n".join(cell.source for _, cell in self.prose)
        parts = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)[1:]
        return {title.strip(): body for title, body in zip(parts[::2], parts[1::2], strict=True)}


Rule = Callable[[Page], Iterator[str]]
RULES: dict[str, tuple[Rule, tuple[str, ...]]] = {}


def rule(*kinds: str) -> Callable[[Rule], Rule]:
    """Register a rule for these kinds of notebook; without any, for all."""

    def register(function: Rule) -> Rule:
        RULES[function.__name__] = (function, kinds or ("lesson", "report", "solution"))
        return function

    return register


def kind_of(path: Path) -> str:
    return {"reports": "report", "solutions": "solution"}.get(path.parent.name, "lesson")


def text_of(output: nbformat.NotebookNode) -> str:
    """Return what an output says in words: streams, plain text and tables, not images."""
    data = output.get("data", {})
    return "\n".join(str(part) for part in (output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")))
