"""Checks of the exercises in notebook 04."""

import numpy as np

from helpers.lesson import exercise, is_close, is_secret


@exercise("04.1", hint="count the right items among the first five places, then divide by the number of places, not of hits")
def _(answer):
    right = np.array([1, 4, 10])
    return is_close(answer, np.mean(np.isin(np.arange(1, 6), right)))


@exercise("04.2", hint="the mail looks forward from one moment, the same for everybody")
def _(answer):
    return is_secret(answer, "e4540a7c8404")


@exercise("04.3", hint="the width falls with the square root of the number of users")
def _(answer):
    needed = 200 * (0.08 / 0.02) ** 2
    return bool(0.9 * needed <= answer <= 1.1 * needed)


@exercise("04.4", hint="does the interval of the difference hold zero, that is, 'no difference at all'?")
def _(answer):
    low, high = -0.01, 0.05
    return answer is bool(low > 0 or high < 0)
