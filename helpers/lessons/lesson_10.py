"""Checks of lesson 10, Popularity-Count."""

from helpers.lesson import exercise, is_close, seal


@exercise("10.1", hint="write the names of the people behind each item, each name once, and count the names")
def _(answer):
    visits = {"tea": ["Ada", "Ada", "Ada", "Hana"], "jam": ["Hana"], "cup": ["Ben", "Jun", "Mia"]}
    first = max(visits, key=lambda item: len(set(visits[item])))
    if seal(answer) == seal(max(visits, key=lambda item: len(visits[item]))):
        return "that one has the most visits; but how many different people are behind them?"
    return seal(answer) == seal(first)


@exercise(
    "10.2", hint="coverage is the share of the catalogue that is in at least one list: different items shown / items there are"
)
def _(answer):
    return is_close(answer, 25 / 500)


@exercise("10.3", hint="a vote of today weighs 1, one of 30 days ago a half; the three weights are added")
def _(answer):
    return is_close(answer, sum(0.5 ** (days / 30) for days in (0, 30, 60)))
