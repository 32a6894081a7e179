"""Make reports from notebooks: run one with other parameters, get an offline HTML page and its recorded numbers.

Inside a notebook::

    from helpers.report import record
    record(precision_at_5=0.1234, best_recipe="aws-sims")

Outside::

    from helpers import report
    made = report.run("recipe_report", RECIPE="aws-sims", SEED=1)
    made.records["precision_at_5"], made.html
    report.read_records("notebooks/11_sims.ipynb")          # what a stored notebook recorded
"""

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from IPython.display import display

from helpers import datasets, provenance, run_files
from helpers.datasets import manifest
from helpers.errors import InputError

# The modules `notebooks` and `pages` are imported where a run needs them: every lesson imports `record` from here, and
# papermill and nbconvert take seconds to load.

RECORD_MIME = "application/vnd.helpers.record+json"
"""The output type of recorded values; nbval compares every type but images, so stored records are checked for free."""


@dataclass(frozen=True)
class Report:
    """What a finished run left behind.

    Attributes:
        folder: holds everything below and nothing else.
        notebook, html: the executed notebook; the same as one page that opens offline.
        records: name -> value of everything recorded.
        provenance: notebook and its hash, parameters, data set and its hash, versions, code, commit, machine, seconds, finished.
    """

    folder: Path
    notebook: Path
    html: Path
    records: dict[str, Any]
    provenance: dict[str, Any]


def record(**values: Any) -> None:
    """Show values in a notebook so that reports, tests and the course index can read them back.

    Args:
        values: numbers, text or booleans by name. Fractions are rounded to 6 significant digits.

    Raises:
        InputError: another type, or a number that is not finite.
    """
    rounded = {name: _plain(name, value) for name, value in values.items()}
    text = "\n".join(f"recorded {name} = {value}" for name, value in rounded.items())
    display({RECORD_MIME: rounded, "text/plain": text}, raw=True)


def _plain(name: str, value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool | int | str):
        return value
    if not isinstance(value, float):
        raise InputError(f"record({name}=...): {type(value).__name__} cannot be recorded; use a number, text or boolean")
    if not math.isfinite(value):
        raise InputError(f"record({name}={value}): the number must be finite")
    return float(f"{value:.6g}")


def read_records(path: str | Path) -> dict[str, Any]:
    """Return name -> value of everything an executed notebook recorded, in the order in which it did.

    Raises:
        InputError: the file is no notebook, or it records a name twice.
    """
    try:
        cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise InputError(f"{path} is not a readable notebook: {fault}") from fault
    records: dict[str, Any] = {}
    for cell in cells:
        for output in cell.get("outputs", []):
            found = _as_recorded(output.get("data", {}))
            if twice := sorted(found.keys() & records.keys()):
                raise InputError(f"{path} records {twice[0]!r} twice; give each value its own name")
            records |= found
    return records


def _as_recorded(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of one output in the order of its text: a stored notebook holds their names in alphabetical order."""
    found = data.get(RECORD_MIME, {})
    told = "".join(data.get("text/plain", ""))
    return dict(sorted(found.items(), key=lambda pair: told.find(f"recorded {pair[0]} = ")))


def run(notebook: str | Path, out: str | Path | None = None, hide_code: bool | None = None, **parameters: Any) -> Report:
    """Run a notebook with other parameters and write notebook, HTML page, records and provenance into one new folder.

    The folder appears whole, after success. A run that fails or is interrupted leaves the cells it got through in a
    folder whose name says ``failed``, without page and records.

    Args:
        notebook: path or name, e.g. ``recipe_report``.
        out: the new folder; by default ``runs/<name>/<date-time>``.
        hide_code: leave the code out of the page; by default for the notebooks of ``notebooks/reports``.
        parameters: values for names of the notebook's parameters cell, of the same types.

    Raises:
        InputError: unknown notebook, parameter or data set, a value of a wrong type, or ``out`` exists. Nothing has run.
        helpers.notebooks.NotebookFailed: a cell raised an error.
    """
    from helpers import notebooks

    path = notebooks.find(notebook)
    values = notebooks.check_parameters(path, parameters)
    if out is None:
        target = free(notebooks.RUNS / path.stem / f"{datetime.now():%Y%m%d-%H%M%S}")
        failed = notebooks.RUNS / "failed" / f"{path.stem}-{target.name}"
    else:
        target = Path(out).resolve()
        failed = target.with_name(f"{target.name}-failed")
    if target.exists():
        raise InputError(f"{target} exists already; name a new folder")
    data = None
    if "DATASET" in values:
        values["DATASET"] = absolute(values["DATASET"])
        data = about_data(datasets.load(values["DATASET"]))
    return run_into(target, failed, path, values, parameters, data, hide_code)


def run_into(
    target: Path,
    failed: Path,
    path: Path,
    values: dict[str, Any],
    given: Mapping[str, Any],
    data: Mapping[str, str] | None,
    hide_code: bool | None = None,
) -> Report:
    """Run a notebook whose parameters are checked already, as :func:`run` does.

    Args:
        target: the new folder; ``failed``: where the cells of a run that breaks off are kept.
        values: all parameters; ``given``: names of those to inject.
        data: what :func:`about_data` says of the data set named by DATASET, if any.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}-{os.getpid()}")
    aside.mkdir()
    try:
        made = write(path, aside, values, given, data, hide_code)
        os.replace(aside, target)
    except BaseException:  # an interrupt too: what exists is kept where nobody takes it for a result
        keep_failure(aside, failed)
        raise
    return Report(target, target / made.notebook.name, target / made.html.name, made.records, made.provenance)


def write(
    path: Path,
    folder: Path,
    values: dict[str, Any],
    given: Mapping[str, Any],
    data: Mapping[str, str] | None = None,
    hide_code: bool | None = None,
    links: str = "drop",
    prefix: str = "",
) -> Report:
    """Execute one notebook and write its files into an existing folder; the caller makes that folder appear or vanish.

    Args:
        values: all parameters, for the provenance; ``given``: names of those to inject.
        data: what :func:`about_data` says of the data set named by DATASET, if any.
        links: what becomes of links to other notebooks, see :func:`helpers.pages.notebook_page`.
        prefix: in front of the names of the files with records and provenance.
    """
    from helpers import notebooks, pages

    about = about_run(path, values, data)  # before the run: this is the code it starts with
    started = time.perf_counter()
    executed = folder / path.name
    notebook = notebooks.execute(path, executed, {name: values[name] for name in given})
    about["seconds"] = round(time.perf_counter() - started, 2)
    about["finished"] = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z}"
    records = read_records(executed)
    hide = path.parent.name == "reports" if hide_code is None else hide_code
    html = folder / f"{path.stem}.html"
    html.write_text(pages.notebook_page(notebook, about, hide_code=hide, links=links, folder=path.parent), encoding="utf-8")
    run_files.write(folder, about, records, prefix)
    return Report(folder, executed, html, records, about)


def about_run(path: Path, values: Mapping[str, Any], data: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what is known of a run before it starts: all that is needed to repeat it, and what its numbers depend on."""
    from helpers import notebooks

    return {
        "notebook": notebooks.relative(path),
        "notebook_sha256": provenance.notebook_sha256(path),
        "parameters": dict(values),
        **(data or {"dataset": None, "data_sha256": None}),
        "versions": provenance.versions(),
        "code_sha256": provenance.code_sha256(),
        "commit": provenance.commit(),
        "machine": provenance.machine(),
    }


def about_data(data: datasets.Dataset) -> dict[str, str]:
    """Return a data set's name and hash as a run stores them."""
    return {"dataset": data.name, "data_sha256": data.sha256}


def absolute(dataset: str) -> str:
    """Return a data set's name as it is, and the reader's own folder by its absolute path: kernels run elsewhere."""
    named = dataset in manifest.entries() or not Path(dataset).is_dir()
    return dataset if named else str(Path(dataset).resolve())


def keep_failure(aside: Path, failed: Path) -> None:
    """Move a half-done run out of the way, without the files that would make it look finished."""
    for file in aside.glob("*"):
        if file.suffix != ".ipynb":
            file.unlink()
    if not any(aside.iterdir()):
        shutil.rmtree(aside)
        return
    with contextlib.suppress(OSError):  # on a full disk it stays hidden, and the first fault is the one to tell
        failed.parent.mkdir(parents=True, exist_ok=True)
        os.replace(aside, free(failed))


def free(folder: Path) -> Path:
    """Return the folder's name, or with ``-2``, ``-3``, ... after it where that is taken."""
    candidates = (folder if n == 1 else folder.with_name(f"{folder.name}-{n}") for n in range(1, 10_000))
    return next(path for path in candidates if not path.exists())
