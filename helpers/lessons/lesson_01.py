"""Checks of lesson 01, Content and collaborative."""

import math

from helpers.lesson import exercise, is_close, seal


@exercise(
    "01.1",
    hint="count the words that two items share, and divide by the product of their lengths (a row of two ones is sqrt(2) long)",
)
def _(answer):
    lamp, cushion, mug = {"bedroom", "star"}, {"bedroom", "star"}, {"kitchen", "star"}
    return is_close(answer, [len(lamp & other) / math.sqrt(len(lamp) * len(other)) for other in (cushion, mug)])


@exercise("01.2", hint="square each error, take the mean of the squares, then the root")
def _(answer):
    errors = [4 - 3, 2 - 3, 5 - 5]
    if is_close(answer, sum(map(abs, errors)) / len(errors)):
        return "that is the mean absolute error; the RMSE takes the root of the mean of the squares"
    return is_close(answer, math.sqrt(sum(error**2 for error in errors) / len(errors)))


@exercise("01.3", hint="ask of each case: is there a history? is there a description? has anybody taken the item yet?")
def _(answer):
    hints = {
        "a": "nobody has taken it yet, but we know what it is and what the reader likes",
        "b": "there is neither a history nor a profile",
        "c": "nothing is known about the songs but who listens to them",
        "d": "by description they have little in common",
    }
    sealed = {"a": "ed7002b439e9", "b": "b91d83b6c41a", "c": "dea6ad140347", "d": "dea6ad140347"}
    wrong = [f"({case}) {hints[case]}" for case in hints if seal(answer[case]) != sealed[case]]
    return "; ".join(wrong) if wrong else True
