"""Checks of the exercises in notebook 20."""

import numpy as np

from helpers.lesson import exercise, is_secret
from helpers.plots_tuning import pareto


@exercise("20.1", hint="strike out whoever has a rival that is no slower and no worse, and better in one of the two")
def _(answer):
    seconds, found = np.array([1, 2, 3, 60, 70]), np.array([0.10, 0.30, 0.25, 0.33, 0.33])
    letters = np.array(list("ABCDE"))
    return {str(letter).upper() for letter in answer} == set(letters[pareto(seconds, found, less_is_better=True)].tolist())


@exercise("20.2", hint="draw 100 numbers with this standard deviation many times, and average the largest of each draw")
def _(answer):
    largest = np.random.default_rng(1).normal(0, 0.02, (2000, 100)).max(axis=1)
    return bool(largest.mean() - largest.std() <= answer <= largest.mean() + largest.std())


@exercise("20.3", hint="does the interval of the difference hold zero? And what do the tuned values cost?")
def _(answer):
    return is_secret(answer, "37a8eec1ce19")
