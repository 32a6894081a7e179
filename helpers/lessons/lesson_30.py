"""Checks of the exercises in notebook 30."""

from helpers import recipes
from helpers.lesson import exercise
from helpers.recipes.base import RELATED_ITEMS


@exercise("30.1", hint="section 5 asked such a campaign without it and was refused")
def _(answer):
    return recipes.get("aws-sims").type == RELATED_ITEMS and str(answer).lower().replace("_", "") == "itemid"


@exercise("30.2", hint="ask for it in the request; without it, 25 come back, and more than 500 are refused")
def _(answer):
    return isinstance(answer, dict) and answer.get("numResults") == 10 and set(answer) == {"numResults"}


@exercise("30.3", hint="what still serves must go before what it serves from; the box goes last")
def _(answer):
    order = [str(name).lower().strip() for name in answer]
    wanted = {"campaign", "solution", "dataset", "dataset group"}
    if set(order) != wanted or len(order) != len(wanted):
        return f"name each of these once: {', '.join(sorted(wanted))}"
    place = order.index
    return place("campaign") < place("solution") < place("dataset group") and place("dataset") < place("dataset group")
