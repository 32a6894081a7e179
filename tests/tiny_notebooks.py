"""Small notebooks for tests, and the reading of what a run left behind."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


def write_notebook(path: Path, cells: list[str | tuple[str, list[str]]]) -> Path:
    """Write a notebook: text that starts with ``#`` and a blank is Markdown, other text is code, a pair is code with tags."""
    made = []
    for cell in cells:
        source, tags = (cell, []) if isinstance(cell, str) else cell
        is_text = source.startswith(("# ", "## "))
        made.append(new_markdown_cell(source) if is_text else new_code_cell(source, metadata={"tags": tags} if tags else {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=made), path)
    return path


PARAMETERS = ("SEED = 0  # draws\nRATE = 0.5  # share, 0 to 1\nNAME = 'a'\nFLAG = True\nSIZES = [1, 2]", ["parameters"])


def tiny(path: Path, code: str = "") -> Path:
    """Write a notebook with parameters of every type that records them; ``code`` runs before the record."""
    imports = "from helpers.report import record"
    return write_notebook(
        path, ["# 99 Tiny", imports, PARAMETERS, code or "total = SEED + RATE", "record(total=total, name=NAME)"]
    )
