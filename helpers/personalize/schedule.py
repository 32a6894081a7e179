"""What happens by itself: a look at the clock every minute, and which solutions are due for an automatic training."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Any

from helpers.personalize.resources import PENDING, RUNNING

_LOG = logging.getLogger(__name__)
DEFAULT_DAYS = 7
GRACE = 300
"""Seconds after the creation of a solution before its first automatic training, if no version was made by hand until then (on
AWS: within an hour)."""


class Clock:
    """Calls a function again and again on a thread of its own; a fault is logged and the next call comes all the same."""

    def __init__(self, tick: Callable[[], None], seconds: float):
        self._tick, self._seconds, self._end = tick, seconds, Event()
        self._thread = Thread(target=self._run, daemon=True, name="clock")
        self._thread.start()

    def close(self) -> None:
        """Stop; a call under way is finished."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._seconds):
            try:
                self._tick()
            except Exception:
                _LOG.exception("what happens by itself has failed; the next try is in %s s", self._seconds)


def is_due(solution: Mapping[str, Any], versions: Sequence[Mapping[str, Any]], now: float) -> bool:
    """Return whether a solution with ``performAutoTraining`` should be trained now.

    Args:
        solution: its record.
        versions: the records of its versions.
        now: Unix seconds.
    """
    if not solution.get("performAutoTraining") or any(version["status"] in (PENDING, RUNNING) for version in versions):
        return False
    if not versions:
        return now - solution["creationDateTime"] >= GRACE
    text = solution.get("solutionConfig", {}).get("autoTrainingConfig", {}).get("schedulingExpression", "")
    found = re.fullmatch(r"rate\((\d+) days?\)", text)
    days = int(found[1]) if found else DEFAULT_DAYS
    return now - max(version["creationDateTime"] for version in versions) >= 86_400 * days
