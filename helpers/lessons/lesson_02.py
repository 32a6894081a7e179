"""Checks of the exercises in notebook 02."""

import numpy as np
import pandas as pd

from helpers.datasets import glue
from helpers.datasets.json_layouts import LAYOUTS
from helpers.datasets.steps import Steps
from helpers.lesson import exercise, is_close, is_secret


@exercise("02.1", hint="what are the outermost keys: field names, or users?")
def _(answer):
    if str(answer).strip().lower() not in LAYOUTS:
        return f"answer with one of: {', '.join(LAYOUTS)}"
    return is_secret(answer, "a17408907db1")


@exercise("02.2", hint="blanks do not tell titles apart; and two missing titles need not mean the same item")
def _(answer):
    titles = pd.Series(["Fox Mug", "Fox  Mug ", "Star Lamp", "", "Fox Mug", ""], dtype="str")
    items = glue.clean_text(pd.DataFrame({"ITEM_ID": list("123456"), "ITEM_TITLE": titles}), Steps())
    merged, _ = glue.merge_repeated_titles(items, pd.DataFrame({"ITEM_ID": items["ITEM_ID"]}), Steps())
    return is_close(answer, len(merged))


@exercise("02.3", hint="a basket is one second; a new visit starts after a pause of more than 30 * 60 seconds")
def _(answer):
    seconds = np.array([100, 100, 100, 500, 2000, 2000, 9000])
    return is_close(answer, (len(np.unique(seconds)), 1 + (np.diff(seconds) > 30 * 60).sum()))
