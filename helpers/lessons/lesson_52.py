"""Checks of the exercises in notebook 52."""

import numpy as np

from helpers.fit_check import habits
from helpers.fit_check.comparison import judge
from helpers.learning_curves import crossing
from helpers.lesson import exercise, is_close
from helpers.metrics import Interval, PairedTest


@exercise("52.1", hint="which of the four figures says something about what does not exist yet?")
def _(answer):
    news = habits.turnover(0.62)
    return news.verdict == "bad" and answer == news.name


@exercise("52.2", hint="average each of the two over all visits first, weighted by who is known, then divide")
def _(answer):
    known, of_known, of_others = 0.3, np.array([0.40, 0.44]), np.array([0.10, 0.10])
    rule, recommender = known * of_known + (1 - known) * of_others
    if is_close(answer, of_known[1] / of_known[0] - 1, tolerance=1e-3):
        return "that is the gain among known visitors only; the others get the same list under both"
    return is_close(answer, recommender / rule - 1, tolerance=1e-3)


@exercise("52.3", hint="is zero inside the interval? And can a gain of 10 % be excluded?")
def _(answer):
    gain = Interval(0.01, -0.02, 0.04)
    return answer == judge(400, PairedTest(gain, 0.3), gain)


@exercise("52.4", hint="the line is straight on a logarithmic scale: what lies half-way between 100 and 10,000 there?")
def _(answer):
    return is_close(answer, crossing(np.array([100, 10_000]), np.array([-0.02, 0.02])), tolerance=1)
