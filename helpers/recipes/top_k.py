"""The k best of each row of scores, ties broken by the smaller code (item ids are coded in sorted order)."""

import numpy as np
from numba import njit

from helpers.interactions import UNKNOWN


def top_k(scores: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return codes ``(n, k)`` int32 and their scores ``(n, k)``, best first.

    Args:
        scores: float ``(n, n_items)``; ``-inf`` or NaN marks an item that must not be returned.
        k: list length, at least 1; may exceed the catalogue.
        allowed: bool ``(n_items,)`` or ``(n, n_items)``; None = everything.

    Returns:
        Short rows are padded with code -1 and score ``-inf``.
    """
    if k < 1:
        raise ValueError(f"k = {k}: a list holds at least 1 item")
    scores = np.asarray(scores, None if np.issubdtype(np.asarray(scores).dtype, np.floating) else np.float64)
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    return _top_k(np.ascontiguousarray(scores), k)


@njit(cache=True, nogil=True)
def _top_k(scores, k):
    n, n_items = scores.shape
    codes = np.full((n, k), UNKNOWN, np.int32)
    best = np.full((n, k), -np.inf, scores.dtype)
    for row in range(n):
        for item in range(n_items):
            score = scores[row, item]
            if not score > best[row, k - 1]:  # items come in code order, so an equal score loses to what is there
                continue
            place = k - 1
            while place > 0 and score > best[row, place - 1]:
                best[row, place] = best[row, place - 1]
                codes[row, place] = codes[row, place - 1]
                place -= 1
            best[row, place] = score
            codes[row, place] = item
    return codes, best
