"""Checks of the exercises in notebook 40."""

from helpers.lesson import exercise, is_close


@exercise("40.1", hint="divide the takers found by all takers; the size of the segment does not enter")
def _(answer):
    return is_close(answer, _recall(found=6, takers=15))


@exercise("40.2", hint="each user brings as many takers as their likelihood says")
def _(answer):
    return is_close(answer, sum((0.6, 0.5, 0.3, 0.2)))


@exercise("40.3", hint="a letter earns likelihood x 4.00; where is that as much as it costs?")
def _(answer):
    if is_close(answer, 12.5):
        return "write the likelihood as a number from 0 to 1"
    return is_close(answer * 4.00, 0.50)


def _recall(found: int, takers: int) -> float:
    return found / takers
