"""Checks of the exercises in notebook 14."""

from helpers.lesson import exercise, is_close
from helpers.recipes.descriptions import is_context
from helpers.recipes.tokens import MIN_ROWS


@exercise("14.1", hint="which of them can be known before anything has happened?")
def _(answer):
    columns = ("DEVICE", "EVENT_VALUE", "WEEKDAY", "EVENT_TYPE", "STORE")
    return set(answer) == {name for name in columns if is_context(name)}


@exercise("14.2", hint="add the three vectors number by number")
def _(answer):
    own, red, tea = (0.5, -0.5), (0.25, 0.0), (0.0, 0.75)
    return is_close(answer, [sum(parts) for parts in zip(own, red, tea, strict=True)])


@exercise("14.3", hint="how many items share such a token, and what can it say about others?")
def _(answer):
    items_with_each_token = 1
    return answer == (0 if items_with_each_token < MIN_ROWS else ...)
