"""Checks of the exercises in notebook 13."""

from helpers.interactions import Histories
from helpers.lesson import exercise, is_close
from helpers.recipes.sessions import session_starts


@exercise("13.1", hint="the next state is (1 - z) * n + z * h")
def _(answer):
    gate, old, new = 0.75, 0.4, -0.4
    return is_close(answer, (1 - gate) * new + gate * old)


@exercise("13.2", hint="for which z is (1 - z) * n + z * h equal to h, whatever n is?")
def _(answer):
    return all(is_close((1 - answer) * new + answer * 0.3, 0.3) for new in (-1.0, 0.0, 1.0))


@exercise("13.3", hint="write down the pauses; only a pause longer than the gap ends a session")
def _(answer):
    clicks = Histories.of([[0] * 5], [[60 * minute for minute in (0, 10, 35, 70, 100)]])
    return answer == session_starts(clicks, 30 * 60).sum()
