"""Run a notebook over a grid of parameters, in parallel; what is finished stays finished, whatever happens to the rest.

    made = sweep.run(sweep.plan("recipe_report", {"recipe": ["aws-sims", "aws-similar-items"], "seed": [0, 1, 2]}), jobs=2)
    made.folder / "index.html"

A run counts as finished if its folder holds records of the same notebook, parameters, data, library versions and code
(:data:`helpers.provenance.IDENTITY`). The same sweep again, after an interrupt or a kill, does only what is missing; after a
change of code or data everything runs anew, in new folders beside the old ones.
"""

import contextlib
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers import notebooks, provenance, report, run_files, workers
from helpers.console import write_json
from helpers.errors import UNWRITABLE, InputError
from helpers.sweep_plan import Plan, Task, plan

__all__ = ["Outcome", "Plan", "Sweep", "Task", "plan", "run"]

MARK = "sweep.json"


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    Attributes:
        folder: its folder; that of the failed notebook after an error; None where not even that exists.
        records: what it recorded, by name.
        error: one line; empty after success.
        reused: whether it had been run before.
        fault: set where the output cannot be written: no other run could be written either.
    """

    task: Task
    folder: Path | None
    records: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    reused: bool = False
    fault: OSError | None = None

    @property
    def page(self) -> Path | None:
        """The HTML page, or after an error the notebook as far as it came, if there is one."""
        name = self.task.path.name if self.error else f"{self.task.path.stem}.html"
        return self.folder / name if self.folder and (self.folder / name).is_file() else None


@dataclass(frozen=True)
class Sweep:
    """A sweep that went through: its folder with ``index.html``, and what became of each run, in the order of the plan."""

    folder: Path
    plan: Plan
    outcomes: list[Outcome]

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.error]


def run(
    chosen: Plan,
    jobs: int = 1,
    out: str | Path | None = None,
    say: Callable[[str], None] = print,
    step: Callable[[], None] = lambda: None,
) -> Sweep:
    """Run what of a plan is not finished yet, and write the index of all.

    Args:
        jobs: how many runs at a time, each a process of one thread and its kernel.
        out: a new folder or that of an earlier sweep; by default one under ``runs/sweeps`` that the same plan finds again.
        say: called with each line of progress; ``step``: called after each run.

    Raises:
        InputError: ``jobs`` below 1, ``out`` holds something else, or another process works in it. Nothing has run.
        OSError: the output cannot be written. What had finished stays.
    """
    from helpers import sweep_page

    if jobs < 1:
        raise InputError(f"--jobs {jobs}: use 1 or a greater whole number")
    folder = Path(out).resolve() if out is not None else chosen.folder
    with _alone_in(folder):
        (folder / "index.html").unlink(missing_ok=True)
        write_json(folder / MARK, {"notebook": notebooks.relative(chosen.path), "grid": chosen.grid, "fixed": chosen.fixed})
        outcomes = _finished(folder, chosen.tasks, say)
        say(f"{len(chosen.tasks)} runs of {chosen.path.stem}, {len(outcomes)} of them finished before")
        for _ in outcomes:
            step()
        with contextlib.closing(_run_missing(chosen.tasks, set(outcomes), folder, jobs)) as answers:
            for number, outcome in answers:
                outcomes[number] = outcome
                say(line(outcome))
                step()
        made = Sweep(folder, chosen, [outcomes[number] for number in range(len(chosen.tasks))])
        sweep_page.write(made)
    return made


def line(outcome: Outcome) -> str:
    """Return a run in one line: state, seconds, what was varied, and after an error the reason."""
    state = "FAILED" if outcome.error else "ok"
    return f"{state:<6} {outcome.seconds:6.1f} s  {outcome.task.label}" + (f": {outcome.error}" if outcome.error else "")


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Take a sweep's folder for this process, and clear away what a killed or interrupted one left half-done there."""
    if folder.exists() and not (folder / MARK).is_file():
        if not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir()):
            raise InputError(f"{folder} holds something else than a sweep; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another process is working on the sweep in {folder}; wait for it, or name another folder"
            ) from None
        shutil.rmtree(folder / "failed", ignore_errors=True)
        try:
            _clear_half_done(folder)
            yield
        finally:
            _clear_half_done(folder)


def _clear_half_done(folder: Path) -> None:
    for path in folder.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _finished(folder: Path, tasks: list[Task], say: Callable[[str], None]) -> dict[int, Outcome]:
    """Return the runs in the folder that are the same as one of the tasks, by the task's number."""
    found = {}
    for path in run_files.find(folder):
        try:
            stored = run_files.read(path)
        except InputError as fault:
            say(f"ignored: {fault}")
            continue
        same = provenance.identity(stored)
        for number, task in enumerate(tasks):
            if same == task.identity:
                found[number] = Outcome(task, path.parent, stored["records"], stored.get("seconds", 0.0), reused=True)
    return found


def _run_missing(tasks: list[Task], finished: set[int], folder: Path, jobs: int) -> Iterator[tuple[int, Outcome]]:
    """Yield what becomes of each task that is not finished, with its number, as they come; closing it ends the workers."""
    missing = [number for number in range(len(tasks)) if number not in finished]
    work = [(tasks[number], folder) for number in missing]
    with contextlib.closing(workers.run_each(_run_one, work, jobs)) as answers:
        for place, answer in answers:
            outcome = _lost(*work[place], answer) if isinstance(answer, workers.Lost) else answer
            if outcome.fault is not None:
                raise outcome.fault
            yield missing[place], outcome


def _run_one(job: tuple[Task, Path]) -> Outcome:
    """Do one run, in a worker; every fault becomes an answer."""
    task, folder = job
    started = time.perf_counter()
    target, failed = report.free(folder / task.folder_name), folder / "failed" / task.folder_name
    fault, error = None, ""
    try:
        made = report.run_into(target, failed, task.path, task.values, task.given, task.data)
        return Outcome(task, target, made.records, time.perf_counter() - started)
    except Exception as problem:  # whatever broke this run, the others go on; the line and the index say so
        error = " ".join(str(problem).split()) or type(problem).__name__
        fault = problem if isinstance(problem, OSError) and problem.errno in UNWRITABLE else None
    return Outcome(task, failed if failed.is_dir() else None, {}, time.perf_counter() - started, error, fault=fault)


def _lost(task: Task, folder: Path, answer: workers.Lost) -> Outcome:
    """Return what became of a run whose process died; the cells it got through are kept as those of any failed run."""
    failed = folder / "failed" / task.folder_name
    for aside in folder.glob(f".{task.folder_name}*"):
        report.keep_failure(aside, failed)
    return Outcome(task, failed if failed.is_dir() else None, error=answer.reason)
