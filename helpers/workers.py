"""Work in parallel processes that may die: each task's answer comes as it is ready, and a lost process costs one task only.

A pool of the standard library hangs or breaks as a whole when the system kills one of its processes, which is what happens to a
training that takes too much memory.
"""

import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil

from helpers import same_digits

RESERVE_MB = 1000
"""Memory that must be free before another task starts beside those under way; more once a task has been seen to need more."""


class Lost:
    """The answer of a task whose process ended without one; ``reason`` is one line."""

    def __init__(self, exit_code: int | None):
        killed = exit_code is not None and exit_code < 0
        how = f"was killed by {signal.Signals(-exit_code).name}" if killed else f"ended with exit code {exit_code}"
        self.reason = f"its process {how}" + (": out of memory? Try --jobs 1" if exit_code == -signal.SIGKILL else "")


class _Worker:
    """One process that answers task after task; ``task`` is the number of the one it is at."""

    def __init__(self, work: Callable[[Any], Any]):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()
        self.task: int | None = None

    def stop(self) -> None:
        """End the process at once, and the kernels it started."""
        self.pipe.close()
        if self.process.is_alive():
            _kill_children(self.process.pid)
            self.process.kill()
        self.process.join()


def run_each(work: Callable[[Any], Any], tasks: Sequence[Any], jobs: int) -> Iterator[tuple[int, Any]]:
    """Yield (number of the task, its answer) as they come; an answer is :class:`Lost` where the process died.

    Leaving the iteration early, by an interrupt too, ends all processes. They end as well when this process is killed. Another
    task starts beside running ones only while as much memory is free as the hungriest task so far has taken.

    Args:
        work: a function of a module; it answers every task and raises nothing.
        jobs: how many processes at most.
    """
    waiting, workers, needed = list(enumerate(tasks))[::-1], [], RESERVE_MB
    try:
        with same_digits.applied():  # the processes read these when they start
            while waiting or any(worker.task is not None for worker in workers):
                _hand_out(work, waiting, workers, jobs, needed)
                busy = {worker.pipe: worker for worker in workers if worker.task is not None}
                for pipe in wait(list(busy), timeout=1.0):
                    worker = busy[pipe]
                    number, worker.task = worker.task, None
                    try:
                        answer, took = pipe.recv()
                        needed = max(needed, took)
                    except EOFError:
                        worker.process.join()
                        answer = Lost(worker.process.exitcode)
                        workers.remove(worker)
                    yield number, answer
    finally:
        for worker in workers:
            worker.stop()


def _hand_out(work: Callable, waiting: list[tuple[int, Any]], workers: list[_Worker], jobs: int, needed: float) -> None:
    """Give a task to each free process, starting new ones up to ``jobs``, as long as memory allows."""
    while waiting and sum(worker.task is not None for worker in workers) < jobs:
        alone = all(worker.task is None for worker in workers)
        if not alone and psutil.virtual_memory().available < needed * 2**20:
            return
        workers[:] = [worker for worker in workers if worker.task is not None or worker.process.is_alive()]
        free = next((worker for worker in workers if worker.task is None), None)
        if free is None:
            free = _Worker(work)
            workers.append(free)
        free.task, task = waiting.pop()
        free.pipe.send(task)


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it and ends the workers
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send((work(task), _children_mb()))


def _die_with_parent() -> None:
    multiprocessing.parent_process().join()
    _kill_children(os.getpid())
    os._exit(1)


def _kill_children(pid: int) -> None:
    try:
        for child in psutil.Process(pid).children(recursive=True):
            child.kill()
    except psutil.NoSuchProcess:
        pass  # ended by itself meanwhile


def _children_mb() -> float:
    """Return the largest memory that one of this process's ended children, a kernel, has taken, in MB."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
