"""Exercises that check themselves.

In a notebook, an exercise cell (tag ``exercise``) starts with ``answer = ...`` and ends with ``check("04.2", answer)``.
While the answer is ``...`` the check says so and nothing breaks; then it gives a hint or a tick.

To add an exercise, write a function from the answer to True or False (or to a text: a hint that fits this very mistake)
in the file of its lesson, ``helpers/lessons/lesson_NN.py``::

    from helpers.lesson import exercise

    @exercise("04.2", hint="divide by the number of items shown, not by the number of hits")
    def _(answer):
        return is_close(answer, 2 / 5)

The file is found by its number; nothing else needs to be registered. Write the check so that reading it teaches
something but does not hand over the answer: derive it, compare a property or a hash (:func:`is_secret`).
"""

import hashlib
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.errors import InputError, unknown_name

TICK = "\u2713"


@dataclass(frozen=True)
class Exercise:
    """One exercise: its number ``NN.k``, what says whether an answer is right, and a hint."""

    number: str
    is_right: Callable[[Any], bool | str]
    hint: str


_EXERCISES: dict[str, Exercise] = {}


def exercise(number: str, hint: str) -> Callable[[Callable[[Any], bool | str]], Callable[[Any], bool | str]]:
    """Register the decorated function as the check of exercise ``number`` (e.g. ``"04.2"``).

    The function gets the answer and returns True (a tick), False (the hint) or a text (shown as the hint). If it raises
    a TypeError, ValueError, AttributeError, KeyError or IndexError, the answer has a wrong form and the hint says so.
    """

    def register(is_right: Callable[[Any], bool | str]) -> Callable[[Any], bool | str]:
        if number in _EXERCISES:
            raise ValueError(f"exercise {number} is registered twice")
        _EXERCISES[number] = Exercise(number, is_right, hint)
        return is_right

    return register


def exercises(lesson: str) -> dict[str, Exercise]:
    """Return the exercises of a lesson by number, e.g. of ``"04"``; empty where it has none."""
    name = f"helpers.lessons.lesson_{lesson}"
    if importlib.util.find_spec(name):
        importlib.import_module(name)
    return {number: found for number, found in _EXERCISES.items() if number.split(".")[0] == lesson}


def check(number: str, answer: Any) -> None:
    """Print whether ``answer`` solves the exercise: ``not answered yet`` for ``...``, else a hint or a tick.

    Raises:
        InputError: there is no exercise of that number.
    """
    known = exercises(number.split(".")[0])
    if number not in known:
        raise (
            unknown_name("exercise", number, known) if known else InputError(f"lesson {number.split('.')[0]!r} has no exercises")
        )
    print(verdict(known[number], answer))


def verdict(asked: Exercise, answer: Any) -> str:
    """Return the line that :func:`check` prints."""
    if answer is ...:
        return f"{asked.number}: not answered yet"
    try:
        result = asked.is_right(answer)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as fault:
        return f"{asked.number}: the answer has not the form asked for ({type(fault).__name__}: {fault}). Hint: {asked.hint}"
    if isinstance(result, str):
        return f"{asked.number}: not yet. Hint: {result}"
    return f"{asked.number}: {TICK} right" if result else f"{asked.number}: not yet. Hint: {asked.hint}"


def is_close(answer: float | Sequence[float], expected: float | Sequence[float], tolerance: float = 1e-4) -> bool:
    """Return whether numbers agree within ``tolerance`` (absolute, each number); sequences must be equally long."""
    given, wanted = np.asarray(answer, float), np.asarray(expected, float)
    return given.shape == wanted.shape and bool(np.allclose(given, wanted, rtol=0, atol=tolerance))


def is_secret(answer: Any, digest: str) -> bool:
    """Return whether a whole number or text is the right one, known here only by its :func:`seal`."""
    return seal(answer) == digest


def seal(answer: Any) -> str:
    """Return a short hash of a number or text (case and outer blanks ignored): a check can know the answer and not show it."""
    return hashlib.sha256(str(answer).strip().casefold().encode()).hexdigest()[:12]
