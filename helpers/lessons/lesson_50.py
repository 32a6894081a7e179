"""Checks of the exercises in notebook 50."""

import numpy as np

from helpers.home_page import lay_out
from helpers.lesson import exercise, is_close


@exercise("50.1", hint="before minus after for each search, then the mean; an item may also fall")
def _(answer):
    climbs = np.array([12, 3, 8, 1]) - np.array([2, 3, 1, 2])
    if is_close(answer, np.abs(climbs).mean()):
        return "the last one falls, it does not climb"
    return is_close(answer, climbs.mean())


@exercise("50.2", hint="both cost the same; only the answers differ, and each earns as much")
def _(answer):
    earned = [answers * 5.00 - 100 * 0.50 for answers in (12, 5)]
    if is_close(answer, earned[0]):
        return "that is what the segment earns; how much more than the others?"
    return is_close(answer, earned[0] - earned[1])


@exercise("50.3", hint="the first shelf takes the two best items; what is left, and which category offers more of it?")
def _(answer):
    page = lay_out(range(4), [0.4, 0.3, 0.2, 0.1], ["mugs", "mugs", "toys", "mugs"], shelves=2, width=2)
    return str(answer).strip().lower() == page[1].name
