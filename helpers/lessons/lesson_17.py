"""Checks of the exercises in notebook 17."""

import numpy as np

from helpers.lesson import exercise, is_close


@exercise("17.1", hint="only the items of the list share the probability: divide by the sum over the list")
def _(answer):
    catalogue = np.array([0.02, 0.01, 0.01])
    if is_close(answer, catalogue[0]):
        return "that is its share of the whole catalogue; within the list it is larger"
    return is_close(answer, catalogue[0] / catalogue.sum())


@exercise("17.2", hint="positions, not items: known items by falling score, then the unknown ones in the order given")
def _(answer):
    scores = np.array([0.1, np.nan, 0.6, np.nan, 0.3])
    known = np.flatnonzero(~np.isnan(scores))
    expected = [*known[np.argsort(-scores[known])], *np.flatnonzero(np.isnan(scores))]
    return [int(place) for place in answer] == [int(place) for place in expected]


@exercise("17.3", hint="the mean of 1 / position after ranking, minus the mean of 1 / position before")
def _(answer):
    before, after = np.array([4.0, 10.0]), np.array([1.0, 5.0])
    return is_close(answer, (1 / after).mean() - (1 / before).mean())
