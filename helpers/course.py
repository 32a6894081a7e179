"""Run the whole course: every notebook in order on one data set, an index of what came out, and the leaderboard."""

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib
import nbformat

from helpers import datasets, notebooks, pages, report, same_digits
from helpers.course_page import Outcome, index
from helpers.errors import InputError

WORKERS = 2


@dataclass(frozen=True)
class Task:
    """One notebook to run: where from, where to, on which data; ``skipped`` says why it cannot run, if it cannot."""

    path: Path
    folder: Path
    dataset: str
    data: dict[str, str]
    skipped: str = ""


@dataclass(frozen=True)
class Course:
    """A finished course: its folder with ``index.html``, ``leaderboard.csv`` and ``notebooks/``, and what became of each part."""

    folder: Path
    outcomes: list[Outcome]
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether every notebook that can run here ran, and the leaderboard was measured."""
        return not self.error and all(not outcome.error for outcome in self.outcomes)


def run(dataset: str = datasets.DEFAULT, say: Callable[[str], None] = print) -> Course:
    """Run all notebooks on a data set and write one new folder ``runs/course-<dataset>-<date-time>``.

    A notebook that fails does not stop the others. An interrupted course leaves its finished pages in a folder under
    ``runs/failed``, without index and leaderboard.

    Args:
        dataset: name or folder; given to every notebook that has a parameter DATASET.
        say: called with each line of progress.

    Raises:
        InputError: unknown or too small data set. Nothing has run.
    """
    paths = notebooks.all_notebooks()
    if not paths:
        raise InputError(f"no notebooks in {notebooks.NOTEBOOKS}")
    dataset = report.absolute(dataset)
    data = datasets.load(dataset)
    data.check_minimum()
    started, about_data = time.perf_counter(), report.about_data(data)
    target = report.free(notebooks.RUNS / f"course-{data.name}-{datetime.now():%Y%m%d-%H%M%S}")
    aside = target.with_name(f".{target.name}-{os.getpid()}")
    (aside / "notebooks" / "reports").mkdir(parents=True)
    tasks = [
        Task(
            path, aside / path.parent.relative_to(notebooks.NOTEBOOKS.parent), dataset, about_data, notebooks.why_not(path, data)
        )
        for path in paths
    ]
    say(f"{data.name}: {len(data.interactions):,} interactions, {data.interactions.n_users:,} users; {len(tasks)} notebooks")
    try:
        course, board = _run_parts(tasks, dataset, aside, say)
        text = index(course.outcomes, board, course.error, data, time.perf_counter() - started)
        (aside / "index.html").write_text(text, encoding="utf-8")
        os.replace(aside, target)
    except BaseException:  # an interrupt too: finished pages are kept where nobody takes them for a whole course
        failed = report.free(notebooks.RUNS / "failed" / target.name)
        failed.parent.mkdir(exist_ok=True)
        os.replace(aside, failed)
        raise
    done = sum(not (outcome.error or outcome.skipped) for outcome in course.outcomes)
    say(f"{done} of {len(tasks)} notebooks ran in {time.perf_counter() - started:.0f} s")
    say(f"Open {_shown(target / 'index.html')}")
    return Course(target, course.outcomes, course.error)


def refresh_outputs(paths: Iterable[Path] | None = None, say: Callable[[str], None] = print) -> list[str]:
    """Execute committed notebooks again with their defaults and replace each as a whole, only after it succeeded.

    A notebook that cannot run on this machine stays as it is, and the reason is said.

    Args:
        paths: which; by default all lessons, reports and solutions.

    Returns:
        One line a failed notebook; its file is as it was.
    """
    solutions = sorted((notebooks.NOTEBOOKS / "solutions").glob("*.ipynb"))
    chosen, errors = [], []
    for path in paths if paths is not None else notebooks.all_notebooks() + solutions:
        reason = notebooks.why_not(path)
        if reason:
            say(_line(path, 0.0, "", reason))
        else:
            chosen.append(path)
    for path, (seconds, error) in zip(chosen, _in_order(_refresh, chosen), strict=True):
        say(_line(path, seconds, error))
        errors += [error] if error else []
    return errors


def _run_parts(tasks: list[Task], dataset: str, folder: Path, say: Callable[[str], None]) -> tuple[Course, str]:
    """Run notebooks and leaderboard over the workers; return what became of them and the leaderboard as HTML."""
    outcomes: list[Outcome] = []
    for result in _in_order(_run_part, [*tasks, (dataset, folder)]):
        if isinstance(result, Outcome):
            outcomes.append(result)
            say(_line(result.path, result.seconds, result.error, result.skipped))
        else:
            board, seconds, error = result
            say(_line(Path("leaderboard"), seconds, error))
    return Course(folder, outcomes, error), board


def _in_order(work: Callable[[Any], Any], tasks: list[Any]) -> Iterator[Any]:
    """Yield the results in the order of the tasks while the workers, processes, go through them; leaving early ends these."""
    context = multiprocessing.get_context("spawn")
    with same_digits.applied():  # the workers read these when they start
        if WORKERS == 1 or len(tasks) == 1:
            yield from map(work, tasks)
        else:
            with context.Pool(WORKERS, initializer=_ignore_interrupts) as pool:
                yield from pool.imap(work, tasks)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it and ends the workers


def _run_part(task: Task | tuple[str, Path]) -> Any:
    return _run_notebook(task) if isinstance(task, Task) else _run_leaderboard(*task)


def _run_notebook(task: Task) -> Outcome:
    started = time.perf_counter()
    executed, error, records = task.folder / task.path.name, "", {}
    head = notebooks.header(nbformat.read(task.path, as_version=4))
    about = (task.path, head.title, head.promise, head.rows.get("Read + run", ""))
    if task.skipped:
        return Outcome(*about, 0.0, skipped=task.skipped)
    try:
        given = {"DATASET": task.dataset} if "DATASET" in notebooks.parameters_of(task.path) else {}
        values = notebooks.check_parameters(task.path, given)
        names = {"links": "html", "prefix": f"{task.path.stem}."}
        records = report.write(task.path, task.folder, values, given, task.data if given else None, **names).records
    except Exception as fault:  # whatever broke this notebook, the others go on; the line and the index say so
        error = " ".join(str(fault).split()) or type(fault).__name__
        if executed.exists():
            page = pages.notebook_page(nbformat.read(executed, as_version=4), links="html", folder=task.path.parent)
            executed.with_suffix(".html").write_text(page, encoding="utf-8")
    return Outcome(*about, time.perf_counter() - started, error, records=records)


def _run_leaderboard(dataset: str, folder: Path) -> tuple[str, float, str]:
    from helpers import leaderboard  # with all recipes; the workers that run notebooks need none of them

    started, text, error = time.perf_counter(), "", ""
    try:
        matplotlib.use("Agg")
        board = leaderboard.measure(datasets.load(dataset))
        board.write_csv(folder / "leaderboard.csv")
        text = board.to_html()
    except InputError as fault:
        error = str(fault)
    return text, time.perf_counter() - started, error


def _refresh(path: Path) -> tuple[float, str]:
    """Execute one notebook beside itself and put it in its place."""
    started, error = time.perf_counter(), ""
    aside = path.with_name(f".{path.stem}-{os.getpid()}.ipynb")
    try:
        notebook = notebooks.tidy(notebooks.execute(path, aside))
        nbformat.validate(notebook)
        nbformat.write(notebook, aside)
        shutil.copymode(path, aside)
        os.replace(aside, path)
    except (InputError, notebooks.NotebookFailed) as fault:
        error = str(fault)
    finally:
        aside.unlink(missing_ok=True)
    return time.perf_counter() - started, error


def _line(path: Path, seconds: float, error: str, skipped: str = "") -> str:
    name = f"reports/{path.stem}" if path.parent.name == "reports" else path.stem
    state = "FAILED" if error else "skip" if skipped else "ok"
    return f"{state:<6} {seconds:6.1f} s  {name}" + (f": {error or skipped}" if error or skipped else "")


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
