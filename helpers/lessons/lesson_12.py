"""Checks of the exercises in notebook 12."""

from helpers.lesson import exercise, is_close, is_secret


@exercise("12.1", hint="visits divided by (visits + half)")
def _(answer):
    return is_close(answer, 3 / 4)


@exercise("12.2", hint="first number times first number, plus second times second")
def _(answer):
    return is_close(answer, sum(one * other for one, other in ((0.6, 0.5), (0.2, 0.5))))


@exercise("12.3", hint="an own list needs visits, a guessed one a description; which of them does a new item without words have?")
def _(answer):
    missing = {"own": "visits", "guessed": "description"}
    if str(answer).strip().lower() in missing:
        return "that one is, but look at the other list too"
    return is_secret(answer, "ff7772053abf")
