"""Who measures: this process, or several worker processes of one thread each."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection

from helpers import same_digits
from helpers.recipes.base import Recipe
from helpers.tuning.validation import Questions

_questions: Questions | None = None
"""What this process measures; set once when it starts as a worker."""


class Here(Executor):
    """Does the work at once, on this thread; asking the future for its result raises what the work raised."""

    def submit(self, work, /, *arguments, **named) -> Future:
        future: Future = Future()
        try:
            future.set_result(work(*arguments, **named))
        except Exception as fault:
            future.set_exception(fault)
        return future


@contextlib.contextmanager
def workers(questions: Questions, jobs: int) -> Iterator["Team"]:
    """Yield a team of ``jobs`` workers; one is this process itself."""
    if jobs == 1:
        yield Team(Here(), questions.measure)
        return
    context = multiprocessing.get_context("spawn")
    lifeline, held = context.Pipe(duplex=False)
    with _environment(same_digits.ONE_THREAD), ProcessPoolExecutor(jobs, context, _begin, (questions, lifeline)) as pool:
        try:
            yield Team(pool, _measure)
        except BrokenProcessPool as fault:
            raise RuntimeError(
                "a worker process ended before its answer (out of memory?), or could not start: a script that searches with "
                "several jobs must do so under `if __name__ == '__main__':`. What was finished is kept in the study file"
            ) from fault
        except BaseException:
            held.close()
            raise
    held.close()


class Team:
    """Measures recipes on folds."""

    def __init__(self, executor: Executor, measure):
        self._executor, self._measure = executor, measure

    def measure(self, recipe: Recipe, fold: int) -> Future:
        """Begin to measure; the result is the mean of the metric, or an InputError if the recipe refuses the data."""
        return self._executor.submit(self._measure, recipe, fold)


def _begin(questions: Questions, lifeline: Connection) -> None:
    global _questions
    _questions = questions
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the search decides what it means
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    """End at once when the other end of the pipe closes: the search was interrupted or killed."""
    with contextlib.suppress(EOFError):
        lifeline.recv_bytes()
    os._exit(3)


def _measure(recipe: Recipe, fold: int) -> float:
    return _questions.measure(recipe, fold)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
