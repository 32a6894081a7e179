"""Checks of the exercises in notebook 51."""

import inspect

from helpers import ab_test
from helpers.lesson import exercise


@exercise("51.1", hint="section 3 made a second split of the same users; what did it change?")
def _(answer):
    return str(answer) in inspect.signature(ab_test.assign).parameters and str(answer) not in ("users", "shares")


@exercise("51.2", hint="use ab_test.users_for_rates with the rate of today and the gain, both as shares")
def _(answer):
    needed = ab_test.users_for_rates(0.10, 0.02)
    if int(answer) == 2 * needed:
        return "that is both groups together"
    return abs(int(answer) - needed) <= 1


@exercise("51.3", hint="how likely is it that a fair split gives such groups? ab_test.sample_ratio says so")
def _(answer):
    return answer is (ab_test.sample_ratio([5000, 5400]) >= ab_test.MISMATCH)
