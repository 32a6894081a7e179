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
from multiprocessing.queues import Queue

from helpers import same_digits
from helpers.errors import InputError
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
    """Yield a team of ``jobs`` workers; one is this process itself.

    Raises:
        InputError: a worker died, or could not start.
    """
    if jobs == 1:
        yield Team(Here(), questions.measure)
        return
    context = multiprocessing.get_context("spawn")
    lifeline, held = context.Pipe(duplex=False)
    parcels = context.Queue()  # as arguments of a process they would hang a start whose child dies before it reads
    for _ in range(jobs):
        parcels.put(questions)
    parcels.cancel_join_thread()
    with same_digits.applied(same_digits.ONE_THREAD), ProcessPoolExecutor(jobs, context, _begin, (parcels, lifeline)) as pool:
        try:
            yield Team(pool, _measure)
        except BrokenProcessPool as fault:
            raise InputError(
                f"one of {jobs} worker processes ended before its answer: use fewer jobs if memory ran out; a script must "
                "search under `if __name__ == '__main__':`. What was finished is kept in the study file, if there is one"
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
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a worker that starts here inherits it: Ctrl-C is for
        try:  # this process alone, which then ends its workers
            return self._executor.submit(self._measure, recipe, fold)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _begin(parcels: Queue, lifeline: Connection) -> None:
    global _questions
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _questions = parcels.get()


def _end_with(lifeline: Connection) -> None:
    """End at once when the other end of the pipe closes: the search was interrupted or killed."""
    with contextlib.suppress(EOFError):
        lifeline.recv_bytes()
    os._exit(3)


def _measure(recipe: Recipe, fold: int) -> float:
    return _questions.measure(recipe, fold)
