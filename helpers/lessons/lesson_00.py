"""Checks of lesson 00, Start here."""

import numpy as np

from helpers.lesson import exercise, is_close


@exercise("00.1", hint="a day has 24 hours, an hour has 60 minutes, a minute has 60 seconds")
def _(answer):
    return is_close(answer, 24 * 60 * 60)


@exercise("00.2", hint="take the first of the two values that model.recommend(interactions.of_users([0]), k=...) returns")
def _(answer):
    codes = np.asarray(answer)
    if codes.dtype.kind != "i":
        return "item codes are whole numbers; recommend returns the codes first, then the scores"
    return codes.shape == (1, 3) and len(np.unique(codes)) == 3 and bool((codes >= 0).all())
