"""Checks of the exercises in notebook 60."""

from helpers.lesson import exercise, is_close


def _seconds(alone: float, shared: float, cores: float) -> float:
    return alone + shared / cores


@exercise("60.1", hint="whoever is on both machines has been counted twice, and should be counted once")
def _(answer):
    return is_close(answer, len(set(range(40)) | set(range(30, 55))))


@exercise("60.2", hint="only the part that can be shared out gets shorter")
def _(answer):
    return is_close(answer, _seconds(10, 90, cores=9))


@exercise("60.3", hint="what remains when the shared part takes no time at all?")
def _(answer):
    return is_close(answer, _seconds(10, 90, cores=1) / _seconds(10, 90, cores=float("inf")))
