"""Checks of the exercises in notebook 32."""

from helpers.lesson import exercise, is_close


@exercise("32.1", hint="the tracker is only the address; which call did our function make for each click?")
def _(answer):
    return str(answer).lower().replace("_", "") == "putevents"


@exercise("32.2", hint="hits divided by the number of customers")
def _(answer):
    return is_close(answer, 20 / 80)


@exercise("32.3", hint="section 1 deployed a campaign without it; settings are texts")
def _(answer):
    return isinstance(answer, str) and float(answer) == 0
