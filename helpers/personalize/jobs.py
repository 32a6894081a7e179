"""Work in the background: a bounded pool of threads, each job known by the ARN of what it makes."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, RLock

from helpers.errors import InputError
from helpers.personalize import training
from helpers.personalize.errors import ServiceError

_LOG = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[2]
_NO_SHOCK = "Internal failure; the log of the service holds its traceback"


Train = Callable[[Path, Event], None]
"""Trains the solution version in a folder; gets an event that is set when it should stop."""


class Stopped(Exception):
    """The job was told to stop, or the service is closing."""


class Jobs:
    """Runs jobs one after another on ``workers`` threads."""

    def __init__(self, workers: int = 2):
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._running: dict[str, tuple[Future, Event]] = {}
        self._lock = RLock()
        self.closing = False

    def submit(self, arn: str, work: Callable[[Event], None], failed: Callable[[str], None]) -> None:
        """Queue a job. ``work`` gets an event that is set when it should stop; ``failed`` gets the reason if it cannot finish."""
        stop = Event()

        def run() -> None:
            try:
                if not stop.is_set():
                    work(stop)
            except Stopped:
                pass  # whoever stopped it has written the status
            except (InputError, ServiceError) as fault:
                if not self.closing:
                    failed(str(fault))
            except Exception:
                _LOG.exception("the job of %s failed", arn)
                if not self.closing:
                    failed(_NO_SHOCK)

        with self._lock:
            self._running = {name: job for name, job in self._running.items() if not job[0].done()}
            self._running[arn] = (self._pool.submit(run), stop)

    def settle(self, arn: str, seconds: float) -> None:
        """Wait until the job of this ARN is done, at most so long."""
        with self._lock:
            job = self._running.get(arn)
        if job:
            wait([job[0]], seconds)

    def stop(self, arn: str) -> bool:
        """Tell a job to stop; False if there is none."""
        with self._lock:
            job = self._running.get(arn)
        if job is None or job[0].done():
            return False
        job[1].set()
        return True

    def close(self) -> None:
        """Stop all jobs and wait for them. What they had not finished is taken up again at the next start."""
        self.closing = True
        with self._lock:
            for future, stop in self._running.values():
                stop.set()
                future.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)


def train_in_process(folder: Path, stop: Event) -> None:
    """Run the training of a folder in a process of its own, so that it neither slows nor endangers the service.

    Raises:
        InputError: the data or the hyperparameters are at fault.
        Stopped: ``stop`` was set.
    """
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    program = "import sys; from helpers.personalize.training import main; sys.exit(main(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(folder)]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path}, cwd=folder
        )
        with process:
            while process.poll() is None:
                if stop.wait(0.05):
                    process.kill()
                    raise Stopped
    if process.returncode == 2:
        raise InputError((folder / training.FAULT).read_text(encoding="utf-8"))
    if process.returncode:
        raise RuntimeError(f"training ended with code {process.returncode}:\n{(folder / 'log.txt').read_text()[-4000:]}")


def train_here(folder: Path, stop: Event) -> None:
    """Run the training on this thread: no start-up time, but everything else waits its turn. For tests and short lessons."""
    training.train(folder)
    if stop.is_set():
        raise Stopped
