"""Checks of the exercises in notebook 31: a sentence is judged by what it lets pass."""

import numpy as np
import pandas as pd

from helpers import filters
from helpers.filters import Events, Table
from helpers.lesson import exercise

_ITEMS = Table(pd.DataFrame({"CATEGORY": ["Kitchen", "Kitchen", "Garden", "Kitchen|Garden"], "PRICE": [10.0, 9.9, 30.0, 12.0]}))
_EVENTS = Events(np.array([1, 3]), {"EVENT_TYPE": np.array(["view", "purchase"], object)})


def _passing(sentence: str, values: dict[str, str] | None = None) -> list[int]:
    found = filters.parse(sentence)
    return np.flatnonzero(filters.allowed(found, 4, table=_ITEMS, events=_EVENTS, values=values)).tolist()


@exercise("31.1", hint="INCLUDE ItemID WHERE, one condition on Items.CATEGORY, AND, one on Items.PRICE; at least is >=")
def _(answer):
    return _passing(answer) == [0, 3]


@exercise("31.2", hint='EXCLUDE what the user did; for the event type there is a star that means "any": IN ("*")')
def _(answer):
    return _passing(answer) == [0, 2]


@exercise("31.3", hint="one text; inside it each value in quotation marks, a comma between them")
def _(answer):
    return (
        _passing("INCLUDE ItemID WHERE Items.CATEGORY IN ($C)", answer) == [0, 1, 2, 3]
        and len(filters.parse_values("C", answer["C"])) == 2
    )
