"""The weight of two items that occur together, from counts: one formula, wherever the counts were made."""

import numpy as np
from numba import njit


def discounts(counts: np.ndarray, discount: float) -> np.ndarray:
    """Return what each item brings to its weights, float64 ``(n_items,)``: its number of groups to the power of ``-discount``."""
    return np.maximum(counts, 1).astype(np.float64) ** -discount


@njit(cache=True, nogil=True)
def weight(together, scale, other_scale):
    """Return the weight of one pair from the number of groups it shares and the items' :func:`discounts`."""
    # in float32 equal fractions are equal numbers, so that ties are seen as ties
    return np.float32(together * scale * other_scale)


@njit(cache=True, nogil=True)
def weights(together, first, second, scale):
    """Return the weights of pairs of item codes, float32 ``(n,)``; ``scale`` holds the discounts of all items."""
    found = np.empty(len(together), np.float32)
    for pair in range(len(together)):
        found[pair] = weight(together[pair], scale[first[pair]], scale[second[pair]])
    return found
