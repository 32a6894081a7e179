"""Checks of the exercises in notebook 15."""

from helpers.lesson import exercise, is_close
from helpers.recipes.hrnn import HrnnColdstart


@exercise("15.1", hint="both must hold: few events and young")
def _(answer):
    default = HrnnColdstart()
    items = ((3, 20), (200, 2), (4, 9))  # days, events
    return answer == sum(
        days < default.cold_start_max_duration and events < default.cold_start_max_interactions for days, events in items
    )


@exercise("15.2", hint="divide the recipe's NDCG by the oracle's")
def _(answer):
    return is_close(answer, 12 / 30)


@exercise("15.3", hint="only those who came across the item could take it")
def _(answer):
    would_like, came_across = 400, 0.05
    return is_close(answer, would_like * came_across)
