"""Checks of the exercises in notebook 16."""

import numpy as np

from helpers.lesson import exercise, is_close, seal
from helpers.recipes import blend


@exercise("16.1", hint="add weight x evidence for each item, raise e to both sums, and divide by the total")
def _(answer):
    network, companions = np.array([2.0, 1.0]), np.array([0.0, 1.0])
    scores = np.exp(0.5 * network + 1.0 * companions)
    return is_close(answer, scores[0] / scores.sum(), tolerance=1e-3)


@exercise("16.2", hint="is the newest event older than the 30 minutes that end a visit? Is the request later than the data?")
def _(answer):
    running, live = np.array([40 <= 30]), np.array([True])
    return seal(answer) == seal(blend.SITUATIONS[int(blend.situation(running, live)[0])])


@exercise("16.3", hint="weight x luck x probability of the list's last item / (1 + times met)")
def _(answer):
    if is_close(answer, 0.3 * 2.0 * 0.02):
        return "that would be right if nobody had met the item yet"
    return is_close(answer, 0.3 * 2.0 * 0.02 / (1 + 1))
