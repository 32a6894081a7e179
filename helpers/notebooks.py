"""Read a notebook's parameters, refuse wrong ones, and execute it in a kernel of this very interpreter."""

import ast
import difflib
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from papermill.exceptions import PapermillExecutionError

from helpers import same_digits
from helpers.errors import InputError, unknown_name

if TYPE_CHECKING:
    from helpers.datasets import Dataset

PROJECT = Path(__file__).resolve().parents[1]
"""The project's root folder; every path of the machinery starts here, so the working directory never matters."""

NOTEBOOKS = PROJECT / "notebooks"
RUNS = PROJECT / "runs"
logging.getLogger("papermill.translators").setLevel(logging.ERROR)  # it warns of comments, which we read ourselves
_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}


Need = Callable[["Dataset | None"], str]
"""Says in one sentence what is missing on this machine or in this data set (None: only the machine counts); empty if nothing."""


class NotebookFailed(RuntimeError):
    """A cell raised an error; the message names the notebook, the cell and the error in one line."""


def find(notebook: str | Path) -> Path:
    """Return the absolute path of a notebook given by path or by name (``recipe_report``).

    A relative path is looked up from the working directory, then from the project's root.

    Raises:
        InputError: there is no such notebook; the message lists the nearest names.
    """
    for path in (Path(notebook), PROJECT / notebook):
        if path.suffix == ".ipynb" and path.is_file():
            return path.resolve()
    known = {path.stem: path for path in all_notebooks()}
    name = str(notebook)
    if name not in known:
        raise unknown_name("notebook", name, known)
    return known[name]


def all_notebooks() -> list[Path]:
    """Return the notebooks of the course in order: the numbered lessons, then the reports."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")) + sorted((NOTEBOOKS / "reports").glob("*.ipynb"))


def _columns(*names: str) -> Need:
    """The examples speak of columns of the items: on a data set without them the notebook needs other parameters."""

    def lacking(dataset: "Dataset | None") -> str:
        known = () if dataset is None or dataset.items is None else dataset.items.columns
        missing = [name for name in names if name not in known]
        if dataset is None or not missing:
            return ""
        return f"the items of {dataset.name} have no {' and no '.join(missing)}, which this notebook's own examples speak of"

    return lacking


def _single_clicks(dataset: "Dataset | None") -> str:
    """Visits are followed click by click, which a data set of whole baskets cannot show."""
    from helpers.datasets.describe import same_second

    if dataset is None or not same_second(dataset.interactions).mean() > 0.5:
        return ""
    return f"most events of {dataset.name} share their second with the one before; this notebook follows single clicks"


def _spark(dataset: "Dataset | None") -> str:
    """The extra ``spark`` and a Java runtime."""
    from helpers.scale import session  # looks for Java

    return session.why_not()


NEEDS: dict[str, Need] = {
    "31_filters_and_context": _columns("CATEGORY", "PRICE"),
    "41_item_attribute_affinity": _columns("CATEGORY"),
    "50_use_cases": _single_clicks,
    "60_scale_out": _spark,
    "segment_report": _columns("CATEGORY"),
}
"""What a notebook needs beyond this environment: its name -> a function that says in one sentence what is missing."""


def why_not(notebook: str | Path, dataset: "Dataset | None" = None) -> str:
    """Return in one sentence why this notebook cannot run on this machine, or on this data set with its other parameters as they
    are; empty if it can."""
    name = Path(notebook).stem
    return NEEDS[name](dataset) if name in NEEDS else ""


@dataclass(frozen=True)
class Header:
    """The first cell of a lesson: ``# NN Title``, a promise in one paragraph, and a table of two columns.

    Attributes:
        rows: first column -> second column of the table, as Markdown: ``You will learn``, ``You need``, ``Read + run``, ``Next``.
    """

    title: str
    promise: str
    rows: dict[str, str]


def header(notebook: nbformat.NotebookNode) -> Header:
    """Return the header of a notebook; parts that it lacks are empty."""
    first = notebook.cells[0].source if notebook.cells else ""
    title = next((line.removeprefix("# ").strip() for line in first.splitlines() if line.startswith("# ")), "")
    blocks = [block.strip() for block in first.split("\n\n")]
    promise = next((" ".join(block.split()) for block in blocks if block and block[0] not in "#|"), "")
    cells = [line.strip().strip("|").split("|") for line in first.splitlines() if line.lstrip().startswith("|")]
    rows = {row[0].strip().strip("*"): row[1].strip() for row in cells if len(row) == 2 and row[0].strip(" -:")}
    return Header(title, promise, rows)


def relative(path: Path) -> str:
    """Return a path as the project writes it: relative to the root where possible, with forward slashes."""
    return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else path.as_posix()


def parameters_of(notebook: str | Path) -> dict[str, Any]:
    """Return name -> default of the cell tagged ``parameters``; empty without such a cell.

    Raises:
        InputError: the file is no notebook, or the cell holds anything but lines ``NAME = literal``.
    """
    path = Path(notebook)
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (OSError, ValueError, KeyError, AttributeError) as fault:
        raise InputError(f"{path} is not a readable notebook: {fault}") from fault
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return literals(tagged[0], path.name) if tagged else {}


def literals(source: str, where: str) -> dict[str, Any]:
    """Return name -> value of source that holds nothing but lines ``NAME = literal  # help``.

    Raises:
        InputError: any other statement; the message names ``where`` and the line.
    """
    found = {}
    try:
        for statement in ast.parse(source).body:
            line = statement.lineno
            (target,) = statement.targets
            found[target.id] = ast.literal_eval(statement.value)
    except SyntaxError as fault:
        raise InputError(f"{where}: the parameters cell is not Python (line {fault.lineno})") from fault
    except (AttributeError, ValueError, TypeError) as fault:
        raise InputError(
            f"{where}: line {line} of the parameters cell is not `NAME = literal`; derive values in the next cell"
        ) from fault
    return found


def check_parameters(notebook: str | Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a notebook, the given ones over its defaults.

    A whole number is accepted where the default is a fraction; any other change of type is refused, and so is an
    unknown name: papermill would only warn about it and run on.

    Raises:
        InputError: an unknown name (with the nearest ones) or a value of another type than the default's.
    """
    path = Path(notebook)
    defaults = parameters_of(path)
    checked = dict(defaults)
    for name, value in given.items():
        if name not in defaults:
            near = difflib.get_close_matches(name.upper(), defaults, n=2, cutoff=0.5)
            hint = f"Did you mean {' or '.join(near)}? " if near else ""
            raise InputError(f"{path.name} has no parameter {name!r}. {hint}It has: {', '.join(defaults) or 'none'}")
        kind = type(defaults[name])
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            wanted = _KIND_NAMES.get(kind, kind.__name__)
            raise InputError(f"{path.name}: {name} must be {wanted} like its default {defaults[name]!r}, not {value!r}")
        checked[name] = value
    return checked


def from_text(notebook: str | Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Turn values typed on a command line into the types of the notebook's defaults; leave names to ``check_parameters``.

    A value that does not read as the default's type stays text and is then refused there. Lists are written as JSON.
    """
    readers = {bool: lambda text: {"true": True, "false": False}[text.lower()], int: int, float: float, list: json.loads}
    defaults = parameters_of(notebook)
    typed = {}
    for name, text in given.items():
        read = readers.get(type(defaults.get(name)), str)
        try:
            typed[name] = read(text)
        except (ValueError, KeyError):
            typed[name] = text
    return typed


def execute(notebook: str | Path, output: str | Path, parameters: Mapping[str, Any] | None = None) -> nbformat.NotebookNode:
    """Execute a notebook in its own folder and write it to ``output``, cell by cell as it goes.

    Args:
        parameters: the parameters to inject, already checked; None or empty = run it as it stands.

    Raises:
        InputError: a cell raised one, so the fault lies in what the user handed in.
        NotebookFailed: a cell raised any other error. ``output`` then holds the cells up to it.
    """
    path = Path(notebook)
    try:
        return papermill.execute_notebook(
            path,
            Path(output).resolve(),
            dict(parameters or {}),
            cwd=path.parent,
            kernel_name="python3",
            language="python",
            kernel_manager_class=_ThisInterpreter,
            progress_bar=False,
            iopub_timeout=120,  # seconds; on a busy machine a cell's output may arrive long after the cell is done
        )
    except PapermillExecutionError as fault:
        kind = InputError if fault.ename == "InputError" else NotebookFailed
        raise kind(f"{path.name}, cell {fault.exec_count}: {fault.ename}: {fault.evalue}") from None


def kernel_environment() -> dict[str, str]:
    """Return the variables a kernel gets beside its parent's: those that make digits repeat, and this project's package."""
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return same_digits.VARIABLES | {"PYTHONPATH": os.pathsep.join(paths)}


class _ThisInterpreter(AsyncKernelManager):
    """Starts the interpreter that runs this code, whatever kernels the machine has installed under the name python3."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=CRITICAL"]
        return KernelSpec(argv=argv, env=kernel_environment(), display_name="Python 3", language="python")


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove in place what changes from run to run or from machine to machine: timestamps, paths, widget state.

    Cell ids, sources, outputs and tags stay; execution counts become 1..n.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key in ("tags", "alt") and value}
        )
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = _joined_streams(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return notebook


def _joined_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join text that a kernel happened to send in several pieces."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        if joined and output.output_type == "stream" and output.get("name") == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined
