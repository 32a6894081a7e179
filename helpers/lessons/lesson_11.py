"""Checks of the exercises in notebook 11."""

from helpers.lesson import exercise, is_close


def _weight(together: int, first: int, second: int, factor: float) -> float:
    return together / (first * second) ** factor


@exercise("11.1", hint="divide the shared baskets by (baskets of one x baskets of the other) to the power of the factor")
def _(answer):
    return is_close(answer, _weight(6, first=16, second=9, factor=0.5))


@exercise("11.2", hint="which factor leaves the counts as they are?")
def _(answer):
    return is_close(_weight(1, 2, 3, answer), 1.0)


@exercise("11.3", hint="one shared basket; each item lies in one basket")
def _(answer):
    return is_close(answer, _weight(1, first=1, second=1, factor=1))
