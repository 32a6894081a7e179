"""Checks of the exercises in notebook 41."""

from helpers.attribute_query import parse
from helpers.errors import InputError
from helpers.lesson import exercise, is_close


@exercise("41.1", hint='two conditions of the form ITEMS.COLUMN = "value", joined by AND')
def _(answer):
    try:
        conditions = parse(answer).conditions
    except InputError as fault:
        return str(fault)
    return sorted((c.name, c.value) for c in conditions) == [("CATEGORY", "Food"), ("THEME", "Alpine Folk")]


@exercise("41.2", hint="first find who is on both lists, then who of them is a taker")
def _(answer):
    return answer == len({1, 2, 3, 4} & {3, 4, 5, 6} & {2, 3, 7})


@exercise("41.3", hint="at best all 25 users of the segment are takers")
def _(answer):
    return is_close(answer, 25 / 1500)
